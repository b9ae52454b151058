// A process of suite.ts that tries the cases it is told, one after the other: a case is told as straight code that
// waits, so that several at a time take several processes. The argument is the runtime's program, "" for this
// repository's tsrunc. Ends when suite.ts lets go of it.
import { attempt } from './attempt.ts'
import { CASES } from './cases.ts'
import { Runtime } from './runtime.ts'

const runtime = new Runtime(process.argv[2] || undefined)

// who presses Ctrl-C means suite.ts: the case that is being tried comes to its end, and cleans up
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

process.on('message', async (index: number) => {
  const each = CASES[index]
  if (each !== undefined) process.send?.({ index, outcome: await attempt(each, runtime) })
})
process.on('disconnect', () => {
  try {
    runtime.dispose()
  } catch (error) {
    console.error(`# left: ${error}`) // what a runtime mounted there and cannot remove is no failure of a case
  }
})
