// The child process of the benchmark that measures the library: cycles of create, start and remove in one Node process,
// their milliseconds written to a file as a JSON array. Between start and remove the container is killed, which is not
// counted, as in the cycle of the commands. Arguments: state directory, bundle, id, number of cycles, file.
import { writeFileSync } from 'node:fs'
import { reap } from '../host/process.ts'
import { create, kill, openRuntime, remove, start } from '../index.ts'

const [root = '', bundle = '', id = '', count = '', file = ''] = process.argv.slice(2)
const runtime = openRuntime({ root })

function cycle(): number {
  const begin = performance.now()
  const { pid } = create(runtime, id, { bundle })
  start(runtime, id)
  const running = performance.now()
  kill(runtime, id, 'KILL')
  reap(pid, true)
  const stopped = performance.now()
  remove(runtime, id)
  return performance.now() - stopped + (running - begin)
}

writeFileSync(file, JSON.stringify(Array.from({ length: Number(count) }, cycle)))
