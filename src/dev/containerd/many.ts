// Many containers: one after the other in turns with the control, which gives the ratio of their times, and at once.
import type { Client } from './client.ts'
import type { Tap } from './tap.ts'
import { clear } from './traces.ts'

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The last of the clients is measured by the first. */
export async function manyInARow(tap: Tap, clients: readonly Client[], count: number): Promise<void> {
  const times = clients.map((): number[] => [])
  const problems = clients.map((): string[] => [])
  for (let i = 0; i < count; i++) {
    const order = [...clients.keys()]
    for (const index of i % 2 === 0 ? order : order.reverse()) {
      const start = performance.now()
      const { status, stderr, stdout } = await (clients[index] as Client).run([], ['echo', String(i)]) // of the keys
      times[index]?.push(performance.now() - start)
      if (status !== 0 || stderr !== '' || stdout !== `${i}\n`)
        problems[index]?.push(`${i}: ${status} ${stdout}${stderr}`)
    }
  }
  // the last first: a process that is left might be anybody's, and the others are not under test
  for (const [index, client] of [...clients.entries()].reverse()) {
    const left = (await clear(client)).map(trace => `left behind: ${trace}`)
    tap.test(`${client.name}: ${count} containers in a row`, [...(problems[index] ?? []), ...left])
  }
  const own = times.at(-1) ?? []
  for (const [index, client] of clients.entries()) {
    const theirs = times[index] ?? []
    const ratio = median(own.map((time, i) => time / (theirs[i] ?? Number.NaN)))
    const compared =
      theirs === own ? '' : `; ${clients.at(-1)?.name}/${client.name}, median by pairs: ${ratio.toFixed(2)}`
    tap.say(
      `${client.name}: ${count} x ctr run --rm in ${(sum(theirs) / 1000).toFixed(2)} s, median ${median(theirs).toFixed(0)} ms${compared}`,
    )
  }
}

export async function manyAtOnce(tap: Tap, client: Client, count: number): Promise<void> {
  const start = performance.now()
  const numbers = Array.from({ length: count }, (_, i) => i)
  const ended = await Promise.all(numbers.map(i => client.sh([], `echo ${i}; sleep 1; exit ${i}`)))
  const problems = ended
    .map(({ status, stdout, stderr }, i) =>
      status === i && stdout === `${i}\n` && stderr === '' ? '' : `${i}: ${status} ${stdout}${stderr}`,
    )
    .filter(problem => problem !== '')
  const left = (await clear(client)).map(trace => `left behind: ${trace}`)
  tap.test(`${client.name}: ${count} containers at once`, [...problems, ...left], (performance.now() - start) / 1000)
}
