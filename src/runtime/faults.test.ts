// Every op of the program of a default container made to fail in turn. Whoever sees the failure, create or start, must
// name the op and its place in config.json, and nothing may be left behind.
import t from 'tap'
import { HookError, SyscallError, TsruncError } from '../errors.ts'
import { failAt, opCount } from '../program/faults.ts'
import type { Op } from '../program/op.ts'
import { compile } from './compile.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { start } from './start.ts'
import { cannotRun, newId, traces, World } from './testing.ts'

const ERRNO = 'EIO' // no op of a plan tolerates it

type Numbered = Exclude<Op, { kind: 'label' }>

function programOf(world: World, id: string): { ops: Op[]; numbered: Numbered[] } {
  const compiled = compile(world.runtime, id, { bundle: world.bundle })
  compiled.rootfs.fd.close()
  return { ops: compiled.ops, numbered: compiled.ops.filter(op => op.kind !== 'label') }
}

/** What create and start throw when op `number` fails; undefined when nothing notices, after the container is gone. */
function failure(world: World, id: string, number: number): unknown {
  const { runtime, bundle } = world
  try {
    create(runtime, id, { bundle, transform: ops => failAt(ops, number, ERRNO) })
    start(runtime, id)
  } catch (error) {
    return error
  }
  remove(runtime, id, { force: true })
  return undefined
}

const isTolerant = (op: Numbered): boolean => op.kind === 'syscall' && op.on?.errnos === 'any'

/** Why the error is not the one that this op must give; undefined when it is. */
function wrong(error: unknown, op: Numbered, number: number): string | undefined {
  if (!(error instanceof TsruncError)) return `not an error of ours: ${error}`
  if (isTolerant(op)) return undefined // and then the program has ended elsewhere
  if (!error.message.includes(op.origin.intent)) return `does not say "${op.origin.intent}": ${error.message}`
  if (error.where !== op.origin.pointer) return `is about ${error.where}, not ${op.origin.pointer}`
  if (op.kind !== 'syscall' || error instanceof HookError) return undefined
  if (!(error instanceof SyscallError)) return `is no failed system call: ${error.message}`
  if (error.op !== number || error.syscall !== op.name) return `names op ${error.op}, ${error.syscall}`
  return error.undoErrors.length > 0 ? `undo: ${error.undoErrors}` : undefined
}

/** Nobody listens when one channel is closed and the other not yet open: init just ends, and start finds it so. */
const isBetweenChannels = (op: Numbered): boolean =>
  op.kind === 'syscall' && op.name === 'openat' && op.origin.intent === 'wait for start'

t.test('each op of the default program', { skip: cannotRun ?? false }, async t => {
  const world = new World(t)
  world.configure(config => {
    config.process.args = ['true']
  })
  const id = newId()
  const { ops, numbered } = programOf(world, id)
  failure(world, id, numbered.length - 1) // whatever is opened once and kept
  const before = traces(id)
  const notReached: number[] = []
  const problems: string[] = []
  for (let number = 0; number < opCount(ops); number++) {
    const op = numbered[number] as Numbered // number is below its length
    const error = failure(world, id, number)
    if (error === undefined) notReached.push(number)
    else if (isBetweenChannels(op)) {
      t.match(error, { message: 'cannot start a container that has stopped' })
      remove(world.runtime, id, { force: true })
    } else {
      const reason = wrong(error, op, number)
      if (reason !== undefined) problems.push(`op ${number}: ${reason}`)
    }
    if (world.ids.length > 0) problems.push(`op ${number}: state is left: ${world.ids}`)
  }
  t.same(problems, [])
  t.same(traces(id), before, 'no process, mount, cgroup or descriptor is left')
  t.ok(notReached.length < numbered.length / 2, `${notReached.length} of ${numbered.length} ops are not reached`)
  t.comment(`not reached: ${notReached}`)
})
