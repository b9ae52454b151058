import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SyscallError } from '../errors.ts'
import { connectUnix } from '../host/socket.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { features } from './features.ts'
import { state } from './query.ts'
import { run } from './run.ts'
import { sendListener } from './seccomp.ts'
import { start } from './start.ts'
import { cannotRun, type Draft, newId, runs, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false
const AGENT = fileURLToPath(new URL('../dev/seccomp-agent.js', import.meta.url))

const KILLED_BY_SIGSYS = 128 + 31

const rule = (action: string, rest: object = {}): object => ({ names: ['mkdir', 'mkdirat'], action, ...rest })
const allowing = (...syscalls: object[]): object => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls })
const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }]

type Change = (config: Draft) => void

/** A config whose program writes to /out. */
function configure(world: World, text: string, seccomp: object | undefined, change: Change): string {
  world.configure(config => {
    config.root.readonly = false
    config.process.args = ['sh', '-c', `exec >/out 2>&1; ${text}`]
    config.linux.seccomp = seccomp
    change(config)
  })
  const out = join(world.bundle, 'rootfs/out')
  writeFileSync(out, '')
  chmodSync(out, 0o666)
  return out
}

/** Runs a shell script to its end; what it says. */
async function script(
  world: World,
  text: string,
  seccomp: object | undefined,
  change: Change = () => {},
): Promise<{ status: number; out: string }> {
  const out = configure(world, text, seccomp, change)
  const status = await run(world.runtime, newId(), { bundle: world.bundle })
  return { status, out: readFileSync(out, 'utf8') }
}

/** Process 1 of a pid namespace is immune to some signals. */
const mortal: Change = config => {
  config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid')
}

const STATUS =
  'while read -r name value; do case $name in Seccomp*|Cap*|NoNew*) echo "$name $value";; esac; done </proc/self/status'
const withoutSeccomp = (lines: string): string => lines.replace(/^Seccomp.*\n/gm, '')

/** What /proc says of init while it waits for `start`. */
function waiting(world: World, seccomp: object, change: Change): { admin: boolean; filtered: boolean } {
  const id = newId()
  configure(world, 'true', seccomp, config => {
    config.process.noNewPrivileges = false
    change(config)
  })
  const { pid } = create(world.runtime, id, { bundle: world.bundle })
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  remove(world.runtime, id, { force: true })
  const [permitted = ''] = /(?<=^CapPrm:\t).*/m.exec(status) ?? []
  return { admin: ((BigInt(`0x${permitted}`) >> 21n) & 1n) === 1n, filtered: /^Seccomp:\t2$/m.test(status) }
}

t.test('whoever may trace an init that waits for start gains nothing', { skip }, t => {
  const world = new World(t)
  const hook: Change = config => {
    config.hooks = { startContainer: [{ path: '/bin/true' }] }
  }
  const user: Change = config => {
    config.process.user = { uid: 1000, gid: 1000 }
  }
  for (const change of [() => {}, hook, user])
    t.same(waiting(world, allowing(rule('SCMP_ACT_ERRNO')), change), { admin: false, filtered: true })
  const admin: Change = config => {
    for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_SYS_ADMIN')
  }
  t.same(waiting(world, allowing(rule('SCMP_ACT_ERRNO')), admin), { admin: true, filtered: false })
  t.end()
})

t.test('one filter, and nothing else of the program has changed', { skip }, async t => {
  const world = new World(t)
  for (const uid of [0, 1000])
    for (const maps of [false, true])
      for (const noNewPrivileges of [false, true]) {
        const change = (config: Draft): void => {
          Object.assign(config.process, { user: { uid, gid: uid }, noNewPrivileges })
          if (!maps) return
          config.linux.namespaces.push({ type: 'user' })
          Object.assign(config.linux, { uidMappings: MAPS, gidMappings: MAPS })
        }
        const name = `uid ${uid}${maps ? ' in a user namespace' : ''}${noNewPrivileges ? ', no new privileges' : ''}`
        const text = `${STATUS}; busybox mkdir /made`
        const { out } = await script(world, text, allowing(rule('SCMP_ACT_ERRNO', { errnoRet: 28 })), change)
        t.match(out, 'Seccomp: 2\nSeccomp_filters: 1\n', name)
        t.match(out, /mkdir: .*No space left on device/, name)
        const without = await script(world, STATUS, undefined, change)
        t.match(without.out, 'Seccomp: 0\n')
        t.equal(withoutSeccomp(out).replace(/^mkdir.*\n/m, ''), withoutSeccomp(without.out), name)
      }
})

t.test('actions', { skip }, async t => {
  const world = new World(t)
  const attempt = 'busybox mkdir /made; echo $?'
  const outcome = async (seccomp: object, text = attempt): Promise<{ status: number; out: string }> => {
    const ended = await script(world, text, seccomp, mortal)
    await script(world, 'busybox rmdir /made; true', undefined, mortal)
    return ended
  }
  t.match((await outcome(allowing())).out, /^0\n$/)
  t.match((await outcome(allowing(rule('SCMP_ACT_LOG')))).out, /^0\n$/)
  t.match((await outcome(allowing(rule('SCMP_ACT_ERRNO')))).out, /Operation not permitted\n1\n$/)
  t.match((await outcome(allowing(rule('SCMP_ACT_ERRNO', { errnoRet: 5 })))).out, /Input\/output error\n1\n$/)
  t.match((await outcome(allowing(rule('SCMP_ACT_ERRNO', { errnoRet: 0 })))).out, /^0\n$/, 'nothing made, no error')
  t.match((await outcome(allowing(rule('SCMP_ACT_TRACE')))).out, /Function not implemented\n1\n$/, 'without a tracer')
  for (const action of ['SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP']) {
    t.match((await outcome(allowing(rule(action)))).out, `${KILLED_BY_SIGSYS}\n`, action)
    t.equal((await outcome(allowing(rule(action)), 'exec busybox mkdir /made')).status, KILLED_BY_SIGSYS, action)
  }
  const mode = (index: number): object[] => [{ index, op: 'SCMP_CMP_EQ', value: 0o700 }]
  const some = allowing(
    { names: ['chmod'], action: 'SCMP_ACT_ERRNO', args: mode(1) },
    { names: ['fchmodat'], action: 'SCMP_ACT_ERRNO', args: mode(2) },
  )
  t.match((await outcome(some, 'busybox chmod 700 /out; echo $?')).out, /1\n$/, 'this mode is forbidden')
  t.match((await outcome(some, 'busybox chmod 711 /out; echo $?')).out, /^0\n$/, 'another one is not')
})

t.test('what a filter forbids of us does not matter, but for execve', { skip }, async t => {
  const world = new World(t)
  const ours = 'setgroups setresuid setresgid capset capget close_range openat2 faccessat2 madvise'
  const others =
    'mount umount2 pivot_root move_mount fsopen unshare setns clone3 seccomp pidfd_send_signal fchown umask'
  const seccomp = allowing({ names: `${ours} ${others}`.split(' '), action: 'SCMP_ACT_KILL_PROCESS' })
  for (const noNewPrivileges of [false, true]) {
    const { status, out } = await script(world, 'echo here; exit 3', seccomp, config => {
      Object.assign(config.process, { user: { uid: 1000, gid: 1000 }, noNewPrivileges })
    })
    t.same({ status, out }, { status: 3, out: 'here\n' })
  }
  const before = traces('')
  for (const defaultAction of ['SCMP_ACT_KILL', 'SCMP_ACT_ERRNO'])
    await t.rejects(script(world, 'true', { defaultAction }), {
      code: 'TSRUNC_SPEC',
      where: '/linux/seccomp',
      message: /execve is blocked by the container's own seccomp filter/,
      hint: 'allow execve in /linux/seccomp/syscalls',
    })
  t.same(world.ids, [])
  t.same(traces(''), before)
})

t.test('execve that depends on arguments, or is answered with success, ends in an error', { skip }, async t => {
  const world = new World(t)
  const args = [{ index: 5, op: 'SCMP_CMP_GE', value: 0 }]
  const answered = (errnoRet: number): object =>
    allowing({ names: ['execve'], action: 'SCMP_ACT_ERRNO', errnoRet, args })
  await t.rejects(script(world, 'true', answered(28)), { message: /execve\(.*no space left on device/i })
  await t.rejects(script(world, 'true', answered(0)), { message: /nothing is executed/, where: '/linux/seccomp' })
  t.same(world.ids, [])
})

t.test('hooks of the started container are under the filter, those before are not', { skip }, async t => {
  const world = new World(t)
  const made = join(world.directory, 'made')
  const hook = (script: string): object => ({
    path: '/bin/sh',
    args: ['sh', '-c', script],
    env: ['PATH=/bin:/usr/bin'],
  })
  for (const noNewPrivileges of [false, true]) {
    const failed = script(world, 'true', allowing(rule('SCMP_ACT_ERRNO', { errnoRet: 28 })), config => {
      Object.assign(config.process, { noNewPrivileges, user: { uid: 1000, gid: 1000 } })
      config.hooks = { createContainer: [hook(`/bin/mkdir ${made}`)], startContainer: [hook('busybox mkdir /made')] }
    })
    await t.rejects(failed, { message: /startContainer hook #0.*No space left on device/s })
    rmdirSync(made)
  }
})

/** What the agent of src/dev/seccomp-agent.ts prints. */
interface Said {
  readonly listens?: boolean
  readonly descriptors?: number
  readonly closed?: boolean
  // biome-ignore lint/suspicious/noExplicitAny: a document to be compared
  readonly state?: any
  readonly call?: string
  readonly pid?: number
  readonly ended?: boolean
}

async function agent(t: { teardown(work: () => void): void }, path: string, ...wishes: string[]): Promise<Said[]> {
  const child = spawn(process.execPath, [AGENT, path, ...wishes], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const said: Said[] = []
  createInterface({ input: child.stdout }).on('line', line => said.push(JSON.parse(line)))
  await until(() => said.length > 0)
  return said
}

t.test('an agent gets the listener, and answers', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const listenerPath = join(world.directory, 'agent')
  const said = await agent(t, listenerPath, 'mkdir=ENOSPC', 'mkdirat=ENOSPC', 'chmod=0', 'fchmodat=0')
  const listened = ['mkdir', 'mkdirat', 'chmod', 'fchmodat', 'read', 'openat', 'close', 'execve', 'setuid', 'clone']
  const seccomp = {
    ...allowing({ names: listened, action: 'SCMP_ACT_NOTIFY' }),
    listenerPath,
    listenerMetadata: 'some "words"',
    flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
  }
  const id = newId()
  const out = configure(world, 'busybox mkdir /made; busybox chmod 1 /out; echo $?', seccomp, config => {
    config.annotations = { a: 'b' }
    config.process.user = { uid: 1000, gid: 1000 }
  })
  const { pid } = create(runtime, id, { bundle })
  await until(() => said.length > 1)
  const [, first] = said
  t.same(first, {
    descriptors: 1,
    state: {
      ociVersion: '1.3.0',
      fds: ['seccompFd'],
      pid,
      metadata: 'some "words"',
      state: { ociVersion: '1.3.0', id, status: 'creating', pid, bundle, annotations: { a: 'b' } },
    },
  })
  t.equal(state(runtime, id).status, 'created')
  await until(() => said.some(({ closed }) => closed))
  t.ok(
    said.some(({ closed }) => closed),
    'the connection is closed',
  )
  t.notMatch(readFileSync(out, 'utf8'), /./)
  start(runtime, id)
  await until(() => said.some(({ ended }) => ended))
  t.match(readFileSync(out, 'utf8'), /mkdir: .*No space left on device\n0\n/)
  for (const call of ['read', 'openat', 'execve', 'mkdir'])
    t.ok(
      said.some(each => each.call === call),
      call,
    )
  t.equal(said.filter(({ state }) => state !== undefined).length, 1)
  await until(() => state(runtime, id).status === 'stopped') // a process lets go of its filter before it has ended
  remove(runtime, id)
})

t.test('without anybody to listen nothing is made', { skip }, async t => {
  const world = new World(t)
  const path = join(world.directory, 'agent')
  const notifying = { ...allowing(rule('SCMP_ACT_NOTIFY')), listenerPath: path }
  const before = traces('')
  const failure = (listenerPath: string): Error => {
    configure(world, 'true', { ...notifying, listenerPath }, () => {})
    return thrown(() => create(world.runtime, newId(), { bundle: world.bundle }))
  }
  const isAt = (error: Error, where: string): boolean => error instanceof SyscallError && error.where === where
  const at = { where: '/linux/seccomp/listenerPath', code: 'TSRUNC_SYSCALL', hint: /listen/ }
  t.match(failure(path), { ...at, message: /^connect to the seccomp agent: connect\(.*: no such file or directory/ })
  writeFileSync(path, '')
  t.match(failure(path), { ...at, message: /connection refused/ })
  const dangling = join(world.directory, 'dangling')
  symlinkSync('/nowhere/at/all', dangling)
  for (const wrong of ['/'.padEnd(4095, 'a'), '/'.padEnd(4095, 'a/'), `${path}\n`, world.directory, dangling])
    t.ok(isAt(failure(wrong), '/linux/seccomp/listenerPath'))
  t.same(world.ids, [])
  t.same(traces(''), before)
  t.equal((await script(world, 'true', { ...allowing(), listenerPath: path })).status, 0, 'nothing to listen to')
})

t.test('an agent that hangs up fails create', { skip }, async t => {
  const world = new World(t)
  const listenerPath = join(world.directory, 'agent')
  const program = 'require("net").createServer(socket => socket.destroy()).listen(process.argv[1])'
  const child = spawn(process.execPath, ['-e', program, listenerPath], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  await until(() => existsSync(listenerPath))
  configure(world, 'true', { ...allowing(rule('SCMP_ACT_NOTIFY')), listenerPath }, config => {
    config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '0.3'] }] } // it has hung up by then
  })
  const error = thrown(() => create(world.runtime, newId(), { bundle: world.bundle }))
  t.match(error, {
    message: /^hand the listener to the seccomp agent at ".*agent": sendmsg\(.*: broken pipe/,
    hint: /closed the connection/,
  })
  t.same(world.ids, [])
})

t.test('an agent that does not read is not waited for for ever', async t => {
  const listenerPath = join(new World(t).directory, 'agent')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(listenerPath, resolve)) // accepts when this function lets it
  const file = openSync('/dev/null', 'r')
  t.teardown(() => closeSync(file))
  const seccomp = { listenerPath, listenerMetadata: 'x'.repeat(15_000_000) }
  const agent = connectUnix(listenerPath, undefined, 1)
  const begin = performance.now()
  const error = thrown(() =>
    sendListener({ agent, pid: process.pid, number: file, state: '{}' }, { linux: { seccomp } } as never),
  )
  t.ok(performance.now() - begin < 5000)
  server.close()
  t.match(error, {
    where: '/linux/seccomp/listenerPath',
    errnoName: 'EAGAIN',
    message: `hand the listener to the seccomp agent at "${listenerPath}": sendmsg(`,
    hint: /the agent there does not read/,
  })
})

t.test('a relative listenerPath is below the bundle, wherever tsrunc is', { skip }, async t => {
  const world = new World(t)
  const said = await agent(t, join(world.bundle, 'sockets-agent'))
  configure(world, 'true', { ...allowing(rule('SCMP_ACT_NOTIFY')), listenerPath: './sockets-agent' }, () => {})
  const id = newId()
  create(world.runtime, id, { bundle: world.bundle })
  await until(() => said.length > 1)
  t.match(said[1], { descriptors: 1 })
  remove(world.runtime, id, { force: true })
})

t.test('calls fail when the agent is gone', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const listenerPath = join(world.directory, 'agent')
  const child = spawn(process.execPath, [AGENT, listenerPath], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => lines.push(line))
  await until(() => lines.length > 0)
  const seccomp = { ...allowing(rule('SCMP_ACT_NOTIFY')), listenerPath }
  const out = configure(world, 'busybox mkdir /made', seccomp, () => {})
  const id = newId()
  const { pid } = create(runtime, id, { bundle })
  await until(() => lines.length > 1)
  child.kill('SIGKILL')
  await until(() => child.signalCode !== null)
  start(runtime, id)
  await until(() => !runs(pid))
  t.match(readFileSync(out, 'utf8'), 'Function not implemented')
  remove(runtime, id, { force: true })
})

t.test('a call of ours that the agent is no longer there to answer', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const hint = /^the filter leaves (openat|execve) to the seccomp agent, which is gone/
  for (const names of [['openat'], ['execve']]) {
    const listenerPath = join(world.directory, `agent-${names}`)
    // takes the descriptor, and ends
    const server = 'require("net").createServer(s => s.once("data", () => process.exit()))'
    const program = `${server}.listen(process.argv[1], () => console.log("listens"))`
    const child = spawn(process.execPath, ['-e', program, listenerPath], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    configure(world, 'true', { ...allowing({ names, action: 'SCMP_ACT_NOTIFY' }), listenerPath }, () => {})
    const id = newId()
    const error = thrown(() => {
      create(runtime, id, { bundle })
      start(runtime, id)
    })
    t.match(error, { syscall: names[0], errnoName: 'ENOSYS', hint, message: /^error during container init: / })
  }
  t.same(world.ids, [])
})

t.test('features', t => {
  const { seccomp } = features().linux ?? {}
  t.match(seccomp, { enabled: true, actions: { length: 9 }, operators: { length: 7 }, archs: { length: 23 } })
  t.ok(seccomp?.archs?.includes('SCMP_ARCH_X86_64'))
  t.equal(seccomp?.knownFlags?.length, 4)
  for (const flag of ['LOG', 'SPEC_ALLOW', 'TSYNC'])
    t.ok(seccomp?.supportedFlags?.includes(`SECCOMP_FILTER_FLAG_${flag}`), flag)
  t.end()
})
