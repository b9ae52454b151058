// The format in which the kernel, and config.json after it, lists CPUs and memory nodes: "0-3,7". cpuset(7), "List
// format". Read strictly: what is not written so is a mistake, and half a list would be another set.

const RANGE = /^(\d+)(?:-(\d+))?$/

/**
 * In order, each once; undefined where the text is no such list, a range runs backwards, or a number is above `max`.
 * The time goes with the length of the text and `max`, not with how often ranges overlap.
 */
export function numbersOf(list: string, max: number): readonly number[] | undefined {
  if (list === '') return [] // a list that is given and has no number is written as no text at all
  /** By the first number of a range, the last one of the longest that begins with it. */
  const lasts: number[] = []
  for (const range of list.split(',')) {
    const [, from, to = from] = RANGE.exec(range) ?? []
    if (from === undefined) return undefined
    const [first, last] = [Number(from), Number(to)]
    if (first > last || last > max) return undefined
    lasts[first] = Math.max(lasts[first] ?? last, last)
  }
  const found: number[] = []
  let end = -1
  for (let number = 0; number <= Math.max(end, lasts.length - 1); number++) {
    end = Math.max(end, lasts[number] ?? end)
    if (number <= end) found.push(number)
  }
  return found
}
