// The format in which the kernel, and config.json after it, lists CPUs and memory nodes: "0-3,7". cpuset(7), "List
// format". Read strictly: what is not written so is a mistake, and half a list would be another set.

/** A list that is given and has no number is written as no text at all. */
const LIST = /^\d+(-\d+)?(,\d+(-\d+)?)*$/

/** In order, each once; undefined where the text is no such list, a range runs backwards, or a number is above `max`. */
export function numbersOf(list: string, max: number): readonly number[] | undefined {
  if (list === '') return []
  if (!LIST.test(list)) return undefined
  const found = new Set<number>()
  for (const range of list.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number)
    if (first > last || last > max) return undefined
    for (let number = first; number <= last; number++) found.add(number)
  }
  return [...found].sort((one, other) => one - other)
}
