// What create does beside the container itself: descriptors, sockets, limits, and a forced delete in the middle of it.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { F } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { receive } from '../host/socket.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { plan } from './plan.ts'
import { state } from './query.ts'
import { run } from './run.ts'
import { openRuntime } from './store.ts'
import { cannotRun, type Draft, newId, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false
const ENTRY = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))

t.test('nothing of this process is changed', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const look = () => [
    process.cwd(),
    readFileSync('/proc/self/status', 'utf8').match(/^(Umask|Sig(?!Q)\w+|NoNewPrivs|Cap\w+):.*$/gm),
  ]
  const warm = () => {
    create(world.runtime, id, { bundle: world.bundle })
    remove(world.runtime, id)
  }
  warm()
  const [before, found] = [look(), traces(id)]
  warm()
  t.same(look(), before)
  t.same(traces(id), found)
})

/** The output of a `run` whose own descriptors and environment are chosen. */
async function outputOf(world: World, options: string[], env: Record<string, string>): Promise<string> {
  const file = join(world.directory, 'passed')
  writeFileSync(file, 'passed on\n')
  const argv = [process.execPath, ENTRY, '--root', world.runtime.root, 'run', ...options, '-b', world.bundle, newId()]
  const script = `export LISTEN_PID=\${LISTEN_PID-$$}; exec "$@" 3</dev/null 4<"${file}" 2>&1`
  const child = spawn('sh', ['-c', script, 'sh', ...argv], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout?.on('data', chunk => {
    text += chunk
  })
  await new Promise(resolve => child.once('close', resolve))
  return text
}

t.test('preserved descriptors, and those of socket activation', { skip }, async t => {
  const world = new World(t)
  world.configure(config => {
    const script =
      'cat <&4; for i in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$i ] && echo $i; done; echo $LISTEN_FDS/$LISTEN_PID'
    config.process.args = ['sh', '-c', `{ ${script}; } 2>/dev/null`]
  })
  t.equal(await outputOf(world, ['--preserve-fds', '2'], {}), 'passed on\n3\n4\n/\n')
  t.equal(await outputOf(world, ['--preserve-fds', '1'], { LISTEN_FDS: '1' }), 'passed on\n3\n4\n1/1\n')
  t.equal(
    await outputOf(world, [], { LISTEN_FDS: '2', LISTEN_PID: '1' }),
    '/\n',
    'those of another process are not ours',
  )
  t.match(await outputOf(world, ['--preserve-fds', '3'], {}), /unable to stat preserved-fd 5/)
  t.same(world.ids, [])
})

t.test('a pidfd socket gets a pidfd of init', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const path = join(world.directory, 'pidfd')
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, socket => sockets.push(socket))
  await new Promise<void>(resolve => server.listen(path, resolve))
  const { pid } = create(world.runtime, id, { bundle: world.bundle, pidfdSocket: path })
  await until(() => sockets.length === 1)
  const handle = sockets[0] as unknown as { _handle: { fd: number } } // the number is nowhere else
  using connection = Fd.adopt(fileCalls.fcntl(handle._handle.fd, F.values.F_DUPFD_CLOEXEC, 3))
  const message = receive(connection, 4096)
  t.equal(Buffer.from(message?.bytes ?? []).toString(), 'standard')
  const [pidfd] = message?.fds ?? []
  t.match(readFileSync(`/proc/self/fdinfo/${pidfd?.number}`, 'utf8'), new RegExp(`^Pid:\\s+${pid}$`, 'm'))
  pidfd?.close()
  sockets[0]?.destroy()
  server.close()
  remove(world.runtime, id)
  const error = thrown(() => create(world.runtime, id, { bundle: world.bundle, pidfdSocket: `${path}.no` }))
  t.match(error.message, /connect.*no such file or directory/)
  t.same(world.ids, [])
})

t.test('memory limits: 1 MiB is enough, and too little is said to be', { skip }, async t => {
  const world = new World(t)
  const limited = (limit: number) => (config: Draft) => {
    config.process.args = ['true']
    config.linux.resources.memory = { limit }
  }
  world.configure(limited(1024 * 1024))
  t.equal(await run(world.runtime, newId(), { bundle: world.bundle }), 0)
  world.configure(limited(4096))
  await t.rejects(run(world.runtime, newId(), { bundle: world.bundle }), {
    message: /container init was OOM-killed \(memory limit too low\?\)/,
  })
  t.same(world.ids, [])
})

t.test('the waiting init holds little memory', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const { pid } = create(world.runtime, id, { bundle: world.bundle })
  const [, kib = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  t.ok(Number(kib) > 0 && Number(kib) <= 64, `${kib} KiB`)
  remove(world.runtime, id)
})

t.test('a forced delete while the container is created', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const before = traces(id)
  world.configure(config => {
    config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'sleep 1'] }] }
  })
  const argv = [ENTRY, '--root', world.runtime.root, 'create', '-b', world.bundle, id]
  const creator = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  creator.stderr.on('data', chunk => {
    text += chunk
  })
  const statusIs = (status: string) =>
    existsSync(join(world.runtime.root, id, 'state.json')) && state(world.runtime, id).status === status
  await until(() => statusIs('creating') && state(world.runtime, id).pid > 0)
  t.match(
    thrown(() => remove(world.runtime, id)).message,
    `cannot delete container ${id} that is not stopped: creating`,
  )
  remove(world.runtime, id, { force: true })
  t.notOk(existsSync(join(world.runtime.root, id)))
  world.configure()
  create(world.runtime, id, { bundle: world.bundle })
  t.equal(await new Promise(resolve => creator.once('close', resolve)), 1)
  t.match(text, /create failed/)
  t.equal(state(world.runtime, id).status, 'created', 'the new container of that name is left alone')
  remove(world.runtime, id)
  t.same(traces(id), before)
})

t.test('plan shows the program and changes nothing', { skip }, async t => {
  const world = new World(t)
  const before = traces('ID')
  const { listing, json } = plan({ bundle: world.bundle })
  t.match(listing, /execve\(program, \["sleep", "1000"\]/)
  t.equal((json as unknown[]).length, listing.split('\n').filter(line => /^ *\d+ {2}/.test(line)).length)
  t.same(traces('ID'), before)
})

t.test('the default root', async t => {
  const environment = { XDG_RUNTIME_DIR: '/run/user/1' }
  t.match(openRuntime(), { root: '/run/tsrunc', rootGiven: false, rootless: false })
  t.match(
    openRuntime({ rootless: true, environment }),
    { root: '/run/tsrunc', rootless: true },
    'a user’s only for a user',
  )
  t.match(openRuntime({ root: '/a/../b/' }), { root: '/b', rootGiven: true })
})
