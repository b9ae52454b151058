// The system calls of init, as strace sees them, are those of the listing that `tsrunc plan` prints, in their order.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { COMMAND, tsrunc } from '../cli/testing.ts'
import type { ListedOp } from '../program/listing.ts'
import { remove } from './delete.ts'
import { asUser, bind, inUserNamespace, tmpfs } from './fixtures/compare.ts'
import { ConsoleSocket } from './fixtures/console-socket.ts'
import { OTHER_IDS } from './fixtures/side-by-side.ts'
import { type Call, parseTrace } from './fixtures/trace.ts'
import { Program } from './fixtures/walk.ts'
import { kill } from './kill.ts'
import { state } from './query.ts'
import { start } from './start.ts'
import { cannotRun, type Draft, newId, until, World } from './testing.ts'

const straceWorks = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0
const skip = cannotRun ?? (straceWorks ? false : 'needs strace, and the right to trace')

const CONFIGS: Readonly<Record<string, (config: Draft, world: World) => void>> = {
  'the config of tsrunc spec': () => {},
  'a user namespace, binds, devices, sysctl'(config, { directory, bundle }) {
    inUserNamespace(config, OTHER_IDS)
    asUser(config)
    chmodSync(directory, 0o755)
    chownSync(join(bundle, 'rootfs'), OTHER_IDS, OTHER_IDS)
    config.root.readonly = false
    config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
    config.linux.devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }]
    config.mounts.push(
      bind(directory, '/mnt/directory', 'rbind', 'ro', 'rslave'),
      bind('/dev/null', '/mnt/file', 'bind', 'noexec'),
      tmpfs('/mnt/tmpfs', 'mode=700', 'ro', 'noatime'),
    )
  },
  'hooks, limits, no pid namespace, the network of the host'(config) {
    const hook = [{ path: '/bin/true', args: ['true', 'a'], env: ['A=1'], timeout: 10 }]
    config.hooks = { createRuntime: hook, createContainer: hook, startContainer: hook }
    config.linux.namespaces = ['mount', 'ipc', 'cgroup'].map(type => ({ type }))
    delete config.hostname
    config.process.rlimits.push({ type: 'RLIMIT_CORE', soft: 0, hard: 0 })
    config.process.oomScoreAdj = 100
    config.process.cwd = '/made'
    config.process.scheduler = { policy: 'SCHED_BATCH', nice: 3, flags: ['SCHED_FLAG_RESET_ON_FORK'] }
    config.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 4 }
    config.linux.personality = { domain: 'LINUX' }
    config.root.readonly = false
    delete config.process.capabilities
  },
  'a terminal, a time namespace'(config) {
    config.process.terminal = true
    config.process.consoleSize = { height: 30, width: 90 }
    config.linux.namespaces.push({ type: 'time' })
    config.linux.timeOffsets = { boottime: { secs: 100 } }
  },
}

/** Creates a container under strace, starts and kills it. */
async function traced({ runtime, directory, bundle }: World, id: string, terminal: boolean): Promise<Call[]> {
  const [file, pidFile, path] = ['trace', 'pid', 'console'].map(name => join(directory, name)) as [
    string,
    string,
    string,
  ]
  const socket = terminal ? await ConsoleSocket.listen(path) : undefined
  const flags = ['--bundle', bundle, '--pid-file', pidFile, ...(terminal ? ['--console-socket', path] : [])]
  const create = [...COMMAND, '--root', runtime.root, 'create', ...flags, id]
  const strace = spawn('strace', ['-f', '-v', '-s', '4096', '-e', 'signal=none', '-o', file, ...create], {
    stdio: 'ignore',
  })
  const ended = new Promise(resolve => strace.once('exit', resolve))
  await until(() => existsSync(pidFile))
  using _master = (await socket?.accept())?.master
  start(runtime, id)
  const { pid } = state(runtime, id)
  await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n')
  kill(runtime, id, 'KILL')
  await ended
  remove(runtime, id, { force: true })
  return parseTrace(readFileSync(file, 'utf8'))
}

/** The calls of the process that runs the image, from its first one on, and of those that come from it. */
function ofInit(calls: readonly Call[]): Call[] {
  const begin = calls.findIndex(({ name, args }) => name === 'execve' && args[1] === '["tsrunc", "init"]')
  const first = calls[begin]?.pid
  // in a pid namespace clone tells another number: a child of init is who is no child of the runtime
  const others = new Set(calls.slice(0, begin).map(({ pid }) => pid))
  others.delete(first ?? 0)
  for (const { pid, name, result } of calls)
    if (others.has(pid) && Number(result) !== first && /^(clone3?|vfork)$/.test(name)) others.add(Number(result))
  return calls.slice(begin + 1).filter(({ pid }) => !others.has(pid))
}

const changed = (op: ListedOp): ListedOp => (op.syscall === 'pivot_root' ? { ...op, args: ['"."', '"/old"'] } : op)

t.test('strace sees what the listing says', { skip }, async t => {
  for (const [name, change] of Object.entries(CONFIGS)) {
    const world = new World(t)
    const id = newId()
    let terminal = false
    world.configure(config => {
      config.linux.cgroupsPath = `/${id}`
      change(config, world)
      terminal = config.process.terminal
    })
    const { stdout } = tsrunc(['plan', '--format', 'json', '--bundle', world.bundle])
    const ops: ListedOp[] = JSON.parse(stdout.replaceAll('_ses.ID', `_ses.${id}`))
    const calls = ofInit(await traced(world, id, terminal))
    const { problem, seen, compared, ended } = new Program(ops).walk(calls)
    t.match(
      new Program(ops.map(changed)).walk(calls).problem,
      /pivot_root.* instead of op /,
      `${name}: a change is seen`,
    )
    t.equal(problem, undefined, name)
    t.ok(ended, `${name}: every process has come to its end`)
    t.ok(seen.has(ops.length - 1), `${name}: the last op is the program`)
    t.ok(compared > seen.size, `${name}: ${seen.size} ops seen, ${compared} arguments compared`)
  }
})
