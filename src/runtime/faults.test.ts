// Every op of the program of a default container made to fail in turn, and those that a container with all kinds of
// namespaces, a terminal and hooks has beside. Whoever sees the failure, create or start, must name the op and its
// place in config.json, and nothing may be left behind.
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { HookError, SyscallError, TsruncError } from '../errors.ts'
import { failAt, opCount } from '../program/faults.ts'
import type { Op } from '../program/op.ts'
import { compile } from './compile.ts'
import { createContainer } from './create.ts'
import { remove } from './delete.ts'
import { start } from './start.ts'
import { cannotRun, type Draft, newId, type Traces, traces, until, World } from './testing.ts'

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
    const transform = (ops: Op[]) => failAt(ops, number, ERRNO)
    createContainer(runtime, id, { bundle, transform }, { detach: false, onMaster: master => master.close() })
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

/** Ops that do the same for the same reason are one. */
const identity = (op: Numbered): string =>
  JSON.stringify([op.kind, op.kind === 'syscall' ? op.name : '', op.origin.pointer, op.origin.intent])

/** Makes those of the ops fail that `chosen` picks. */
function failEach(world: World, id: string, chosen: (op: Numbered) => boolean): Outcome {
  const { ops, numbered } = programOf(world, id)
  failure(world, id, opCount(ops) - 1) // whatever is opened once and kept
  const before = traces(id)
  const notReached: number[] = []
  const problems: string[] = []
  for (const [number, op] of numbered.entries()) {
    if (!chosen(op)) continue
    const error = failure(world, id, number)
    if (error === undefined) notReached.push(number)
    else if (isBetweenChannels(op)) {
      if (!String(error).includes('cannot start a container that has stopped')) problems.push(`op ${number}: ${error}`)
      remove(world.runtime, id, { force: true })
    } else {
      const reason = wrong(error, op, number)
      if (reason !== undefined) problems.push(`op ${number}: ${reason}`)
    }
    if (world.ids.length > 0) problems.push(`op ${number}: state is left: ${world.ids}`)
  }
  return { problems, before, after: traces(id), notReached, count: numbered.filter(chosen).length }
}

interface Outcome {
  readonly problems: readonly string[]
  readonly before: Traces
  readonly after: Traces
  readonly notReached: readonly number[]
  readonly count: number
}

const plain = (config: Draft): void => {
  config.process.args = ['true']
}

const FIRST_ID = 100000
const hook = [{ path: '/bin/sh', args: ['sh', '-c', 'exit 0'], timeout: 10 }]

function rich(config: Draft): void {
  plain(config)
  config.process.terminal = true
  config.process.consoleSize = { height: 10, width: 20 }
  const { namespaces } = config.linux
  namespaces.push({ type: 'user' }, { type: 'time' })
  if (!namespaces.some(({ type }: { type: string }) => type === 'cgroup')) namespaces.push({ type: 'cgroup' })
  const map = [{ containerID: 0, hostID: FIRST_ID, size: 65536 }]
  Object.assign(config.linux, { uidMappings: map, gidMappings: map, timeOffsets: { boottime: { secs: 5 } } })
  config.hooks = { createContainer: hook, startContainer: hook }
  config.linux.seccomp = filter('SCMP_ACT_ERRNO')
}

const filter = (action: string): object => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir'], action }],
})

const skip = cannotRun ?? false

t.test('each op of the default program', { skip }, async t => {
  const world = new World(t)
  world.configure(plain)
  const { problems, before, after, notReached, count } = failEach(world, newId(), () => true)
  t.same(problems, [])
  t.same(after, before, 'no process, mount, cgroup or descriptor is left')
  t.ok(notReached.length < count / 2, `${notReached.length} of ${count} ops are not reached: ${notReached}`)
})

t.test('each further op of a filter with a listener', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(plain)
  const known = new Set(programOf(world, id).numbered.map(identity))
  const listenerPath = join(world.directory, 'agent')
  const server = createServer().listen(listenerPath)
  t.teardown(() => server.close())
  await until(() => server.listening)
  world.configure(config => {
    plain(config)
    config.linux.seccomp = { ...filter('SCMP_ACT_NOTIFY'), listenerPath }
  })
  const { problems, before, after, notReached, count } = failEach(world, id, op => !known.has(identity(op)))
  t.same(problems, [])
  t.same(after, before, 'no process, mount, cgroup or descriptor is left')
  t.ok(count > 5)
  t.ok(notReached.length <= 2, 'what is behind execve, and what is tolerated')
})

t.test('each further op of mounts that copy, have id maps or are links', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(plain)
  const known = new Set(programOf(world, id).numbered.map(identity))
  const covered = join(world.bundle, 'rootfs/covered')
  mkdirSync(join(covered, 'directory'), { recursive: true })
  writeFileSync(join(covered, 'directory/file'), 'text')
  symlinkSync('nowhere', join(covered, 'link'))
  const ids = [{ containerID: 0, hostID: FIRST_ID, size: 8 }]
  const bind = (destination: string, ...options: string[]) => ({
    destination,
    source: join(covered, 'link'),
    options: ['bind', ...options],
  })
  world.configure(config => {
    plain(config)
    config.root.readonly = false
    config.mounts.push(
      { destination: '/covered', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'ro', 'size=64k', 'rshared'] },
      { ...bind('/mapped', 'idmap'), source: covered, uidMappings: ids, gidMappings: ids },
      bind('/link', 'copy-symlink'),
      bind('/etc/alias', 'src-nofollow', 'dest-nofollow'),
    )
  })
  const { problems, before, after, notReached, count } = failEach(world, id, op => !known.has(identity(op)))
  t.same(problems, [])
  t.same(after, before, 'no process, mount, cgroup or descriptor is left')
  t.ok(count > 60, String(count))
  t.ok(notReached.length < count / 3, `${notReached.length} of ${count} ops are not reached: ${notReached}`)
})

t.test('each further op of a rich program', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(plain)
  const known = new Set(programOf(world, id).numbered.map(identity))
  chownSync(`${world.bundle}/rootfs`, FIRST_ID, FIRST_ID) // its root makes the mount points
  world.configure(rich)
  const { problems, before, after, notReached, count } = failEach(world, id, op => !known.has(identity(op)))
  t.same(problems, [])
  t.same(after, before, 'no process, mount, cgroup or descriptor is left')
  t.ok(notReached.length < count / 2, `${notReached.length} of ${count} ops are not reached: ${notReached}`)
})
