// Plans that run: what a container then finds, and that a hostile root filesystem leads nowhere.

import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Given, testSpec } from '../dev/golden.ts'
import { cannotTry, type Outcome, trial, trialRootfs } from '../dev/trial.ts'
import type { Mount, Namespace, Spec } from '../spec/gen/types.ts'
import type { PlanOptions } from './context.ts'
import type { Facts } from './facts.ts'

const skip = cannotTry

const PROC: Mount = { destination: '/proc', type: 'proc', source: 'proc' }
const DEV: Mount = { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] }
const SYS: Mount = { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] }
const USUAL = [PROC, DEV]
const tmpfs = (destination: string, ...options: string[]): Mount => ({ destination, type: 'tmpfs', options })
const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  source,
  options: ['rbind', ...options],
})

interface Bundle {
  readonly path: string
  readonly rootfs: string
  run(given: Given & { script?: string; mounts?: readonly Mount[] }): Outcome
}

interface Test {
  teardown(work: () => void): void
}

/** A bundle with a busybox root. */
function bundle(test: Test): Bundle {
  const path = mkdtempSync(join(tmpdir(), 'tsrunc-init-'))
  test.teardown(() => rmSync(path, { recursive: true, force: true }))
  const rootfs = trialRootfs(path)
  const run: Bundle['run'] = ({ script = 'true', mounts = USUAL, spec = {}, process = {}, linux, facts, options }) => {
    const env = ['PATH=/bin']
    const config = testSpec({
      spec: { mounts, root: { path: rootfs }, ...spec },
      process: { args: ['sh', '-c', script], env, ...process },
      ...(linux === undefined ? {} : { linux }),
    })
    return start(config, { bundle: path, ...facts }, options)
  }
  return { path, rootfs, run }
}

const start = (spec: Spec, facts: Partial<Facts>, options: Partial<PlanOptions> = {}): Outcome =>
  trial(spec, facts, options)

/** mount point → options, type, source and propagation of the last mount there. */
function mountTable(mountinfo: string): Map<string, string> {
  const lines = mountinfo.split('\n').filter(line => line.includes(' - '))
  return new Map(
    lines.map(line => {
      const [before = '', after = ''] = line.split(' - ')
      const [, , , , point = '', options = '', ...propagation] = before.split(' ')
      const [type, source] = after.split(' ')
      return [point, [options, type, source, ...propagation].join(' ')]
    }),
  )
}

const NEW: readonly Namespace[] = (['pid', 'network', 'mount', 'ipc', 'uts', 'cgroup'] as const).map(type => ({ type }))

t.test('mounts appear as asked for', { skip }, async t => {
  const made = bundle(t)
  mkdirSync(join(made.rootfs, 'sticky'))
  chmodSync(join(made.rootfs, 'sticky'), 0o1777)
  mkdirSync(join(made.path, 'data/sub'), { recursive: true })
  writeFileSync(join(made.path, 'data/file'), 'content')
  const { output, status, error } = made.run({
    spec: { root: { path: made.rootfs, readonly: true } },
    mounts: [
      ...USUAL,
      tmpfs('/sticky'),
      tmpfs('/later', 'ro', 'nodev', 'mode=700'),
      tmpfs('/later/below', 'noexec', 'rnosuid', 'shared'),
      bind('data', '/data', 'ro', 'nosuid', 'noatime'),
      { ...bind(join(made.path, 'data/file'), 'made/here'), options: ['bind', 'private'] },
    ],
    linux: { namespaces: NEW, maskedPaths: ['/data/file', '/proc/scsi', '/absent'], readonlyPaths: ['/proc/sys'] },
    script: `cat /proc/self/mountinfo; stat -c 'mode %a' /sticky; stat -c 'mode %a' /later
      stat -c 'mode %a' /later/below; cat /made/here /data/file; ls -l /proc/self/fd | cat; ls /dev; touch /later/x || echo read-only`,
  })
  t.equal(error, undefined)
  t.equal(status, 0)
  const table = mountTable(output)
  t.match(table.get('/'), /^ro,/)
  t.match(table.get('/sticky'), /^rw,relatime tmpfs tmpfs$/)
  t.match(table.get('/later'), /^ro,nodev,relatime tmpfs/)
  t.match(table.get('/later/below'), /^rw,nosuid,noexec,relatime tmpfs tmpfs shared:\d+$/)
  t.match(table.get('/data'), /^ro,nosuid,(nodev,)?noatime /)
  t.match(table.get('/data/file'), /^rw,nosuid.* tmpfs tmpfs$/, 'the null device')
  t.match(table.get('/proc/sys'), /^ro,/)
  t.ok(table.has('/made/here'))
  t.notOk(table.has('/absent'))
  t.match(output, 'mode 1777\nmode 700\nmode 1777\ncontent')
  t.equal(output.match(/content/g)?.length, 1, 'the masked file is empty')
  t.match(output, 'read-only')
})

t.test('pivot, move and chroot lead into the same tree; nothing of the host is held', { skip }, async t => {
  const made = bundle(t)
  const script = 'ls /; readlink /proc/self/root; ls /proc/1/root/; echo /proc/self/fd/*'
  const pivot = made.run({ script })
  const move = made.run({ script, options: { noPivot: true } })
  t.equal(pivot.error, undefined)
  t.equal(move.error, undefined)
  t.equal(pivot.output, move.output)
  t.match(pivot.output, /^bin\ndev\nproc\n\/\n/)
  t.match(pivot.output, '/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2')
  const chroot = made.run({ script: 'ls /; cd ..; cd ..; ls /', mounts: [], linux: { namespaces: [] } })
  t.equal(chroot.error, undefined)
  t.equal(chroot.output, 'bin\ndev\nproc\nbin\ndev\nproc\n')
})

t.test('a user namespace: root inside is nobody outside', { skip }, async t => {
  const made = bundle(t)
  spawnSync('chown', ['-R', '100000:100000', made.rootfs])
  chmodSync(made.path, 0o755)
  mkdirSync(join(made.path, 'closed/data'), { recursive: true, mode: 0o700 })
  const ids = [{ containerID: 0, hostID: 100000, size: 65536 }]
  const { output, status, error } = made.run({
    mounts: [...USUAL, SYS, bind(join(made.path, 'closed/data'), '/data', 'ro')],
    linux: {
      namespaces: [...NEW.filter(({ type }) => type !== 'network'), { type: 'user' }, { type: 'time' }],
      uidMappings: ids,
      gidMappings: ids,
      timeOffsets: { boottime: { secs: 1000000 } },
    },
    script: 'cat /proc/self/uid_map /proc/self/mountinfo; id; cat /proc/uptime; touch /new; stat -c "owner %u" /new',
  })
  t.equal(error, undefined)
  t.equal(status, 0)
  const table = mountTable(output)
  t.match(output, /0 +100000 +65536/)
  t.match(output, 'owner 0')
  t.match(table.get('/data'), /^ro,/, 'a source that root of the namespace could not have walked to')
  t.match(table.get('/sys'), /^ro,.* sysfs /, 'the host’s, since the network namespace is the host’s')
  t.match(output, /\n1\d{6}\.\d+ /)
})

t.test('with the sysfs of the host its cgroups come along, to be read only', { skip }, async t => {
  const made = bundle(t)
  chmodSync(made.path, 0o755)
  const ids = [{ containerID: 0, hostID: 0, size: 65536 }] // who inside could write what root of the host can
  const { output, error } = made.run({
    mounts: [...USUAL, { ...SYS, options: ['nosuid'] }],
    linux: {
      namespaces: [...NEW.filter(({ type }) => type !== 'network'), { type: 'user' }],
      uidMappings: ids,
      gidMappings: ids,
    },
    script: 'cat /proc/self/mountinfo',
  })
  t.equal(error, undefined)
  const below = [...mountTable(output)].filter(([path]) => path.startsWith('/sys/'))
  t.match(mountTable(output).get('/sys'), /^rw,nosuid.* sysfs /)
  t.ok(below.length > 0)
  for (const [path, line] of below) t.match(line, /^ro,nosuid/, path)
})

t.test('flags of the host are locked in a user namespace', { skip }, async t => {
  const made = bundle(t)
  spawnSync('chown', ['-R', '100000:100000', made.rootfs])
  const readonly = join(made.path, 'read-only')
  mkdirSync(readonly)
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro,nodev', 'test', readonly])
  t.teardown(() => spawnSync('umount', [readonly]))
  writeFileSync(join(made.path, 'file'), 'content')
  const ids = [{ containerID: 0, hostID: 100000, size: 65536 }]
  const all = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE']
  const { output, error } = made.run({
    mounts: [
      ...USUAL,
      bind(readonly, '/locked'),
      bind(readonly, '/open', 'rw', 'rshared'),
      bind(join(made.path, 'file'), '/file', 'ro', 'unbindable'),
    ],
    process: { capabilities: { bounding: all, effective: all, permitted: all } },
    linux: { namespaces: [...NEW, { type: 'user' }], uidMappings: ids, gidMappings: ids },
    script: `for path in /locked /file; do mount -o remount,bind,rw,dev $path || echo "$path stays"; done
      cat /file /proc/self/mountinfo`,
  })
  t.equal(error, undefined)
  const table = mountTable(output)
  t.match(output, '/locked stays')
  t.match(output, '/file stays')
  t.match(output, 'content')
  t.match(table.get('/locked'), /^ro,nodev/)
  t.match(table.get('/open'), /^rw,nodev.* shared:/, 'what the config asks for is done before')
  t.match(table.get('/file'), /^ro,.* unbindable/)
})

t.test('without privileges on the host all is cloned inside the user namespace', { skip }, async t => {
  const made = bundle(t)
  const ids = [{ containerID: 0, hostID: 0, size: 65536 }]
  const { output, status, error } = made.run({
    mounts: [...USUAL, SYS, bind('/usr', '/data', 'ro')],
    linux: { namespaces: [...NEW, { type: 'user' }], uidMappings: ids, gidMappings: ids },
    facts: { euid: 1000 },
    script: 'cat /proc/self/mountinfo',
  })
  t.equal(error, undefined)
  t.equal(status, 0)
  t.match(mountTable(output).get('/data'), /^ro,/)
})

t.test('joined namespaces', { skip }, async t => {
  const made = bundle(t)
  const kinds = ['net', 'uts', 'ipc', 'pid', 'mnt', 'cgroup', 'time'] as const
  const flags = ['--net', '--uts', '--ipc', '--pid', '--mount', '--cgroup', '--time', '--fork']
  const other = spawn('unshare', [...flags, 'sh', '-c', 'umount -l /proc; echo ready; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.teardown(() => other.kill('SIGKILL'))
  await new Promise<void>(resolve => other.stdout.once('data', () => resolve()))
  const children = readFileSync(`/proc/${other.pid}/task/${other.pid}/children`, 'utf8').trim()
  t.teardown(() => process.kill(Number(children), 'SIGKILL'))
  const names = { net: 'network', mnt: 'mount' } as const
  const namespaces = kinds.map(kind => {
    const type = kind === 'net' || kind === 'mnt' ? names[kind] : kind
    return { type, path: `/proc/${children}/ns/${kind}` }
  })
  const { output, error } = made.run({ linux: { namespaces }, script: 'ls -l /proc/self/ns; cat /proc/1/cmdline' })
  t.equal(error, undefined)
  for (const kind of kinds) t.match(output, readlinkSync(`/proc/${children}/ns/${kind}`), kind)
  t.match(output, 'sleep')
  const wrong = made.run({
    linux: { namespaces: [{ type: 'uts', path: `/proc/${children}/ns/net` }, { type: 'mount' }] },
  })
  t.match(wrong.error, { syscall: 'setns', errnoName: 'EINVAL', where: '/linux/namespaces/0/path' })
})

t.test('symlinks of the image do not lead out', { skip }, async t => {
  const made = bundle(t)
  const canary = mkdtempSync(join(tmpdir(), 'tsrunc-canary-'))
  t.teardown(() => rmSync(canary, { recursive: true, force: true }))
  writeFileSync(join(canary, 'file'), 'untouched')
  const link = (target: string, name: string) => symlinkSync(target, join(made.rootfs, name))
  const up = `${'../'.repeat(20)}${canary.slice(1)}`
  link(canary, 'absolute')
  link(up, 'upward')
  link('/loop-b', 'loop-a')
  link('/loop-a', 'loop-b')
  link('/proc', 'to-proc')
  link('/proc/self/root', 'magic')
  link(join(canary, 'file'), 'file-link')
  const words = (mounts: readonly Mount[], linux = {}) =>
    made.run({
      mounts: [...USUAL, ...mounts],
      linux: { namespaces: NEW, ...linux },
      script: 'cat /proc/self/mountinfo',
    })
  for (const name of ['absolute', 'upward', 'absolute/new', 'upward/new/er']) {
    const { error } = words([tmpfs(`/${name}`)])
    t.match(error, { syscall: 'openat2', errnoName: 'ENOENT', where: '/mounts/2' }, name)
  }
  t.match(words([tmpfs('/loop-a')]).error, { errnoName: 'ELOOP', where: '/mounts/2' })
  t.match(words([tmpfs('/loop-a/x')]).error, { errnoName: 'ELOOP', where: '/mounts/2' })
  t.match(words([tmpfs('/magic/x')]).error, { errnoName: 'ELOOP', where: '/mounts/2' })
  t.match(words([tmpfs('/to-proc/fs')]).error, {
    message: '"/to-proc/fs" cannot be mounted because it leads into /proc',
  })
  t.match(words([bind(canary, '/to-proc/self/attr')]).error, { where: '/mounts/2' })
  t.match(words([bind(join(canary, 'file'), '/file-link')]).error, { errnoName: 'ENOENT', where: '/mounts/2' })
  t.equal(words([], { maskedPaths: ['/file-link', '/absolute/file'], readonlyPaths: ['/upward'] }).status, 0)
  mkdirSync(join(made.rootfs, canary), { recursive: true })
  const inside = words([tmpfs('/upward/new')])
  t.equal(inside.error, undefined)
  t.ok(mountTable(inside.output).has(join(canary, 'new')), 'the link is followed inside the root')
  t.same(readdirSync(canary), ['file'])
  t.equal(readFileSync(join(canary, 'file'), 'utf8'), 'untouched')
})

t.test('proc, sys and dev of the image', { skip }, async t => {
  const made = bundle(t)
  const elsewhere = join(made.path, 'elsewhere')
  mkdirSync(elsewhere)
  const instead = (name: string, make: (path: string) => void, mounts: readonly Mount[]) => {
    const path = join(made.rootfs, name)
    rmSync(path, { recursive: true, force: true })
    make(path)
    const outcome = made.run({ mounts })
    rmSync(path, { recursive: true, force: true })
    return outcome.error
  }
  const ordinary = (type: string) => ({ message: `filesystem "${type}" must be mounted on ordinary directory` })
  t.match(
    instead('proc', path => symlinkSync(elsewhere, path), [PROC]),
    ordinary('proc'),
  )
  t.match(
    instead('proc', path => symlinkSync('/bin', path), [PROC]),
    ordinary('proc'),
  )
  t.match(
    instead('proc', path => writeFileSync(path, ''), [PROC]),
    ordinary('proc'),
  )
  t.match(
    instead('sys', path => symlinkSync('bin', path), [PROC, SYS]),
    ordinary('sysfs'),
  )
  t.match(
    instead('dev', path => symlinkSync(elsewhere, path), [PROC]),
    { errnoName: 'ENOENT' },
  )
  const fakeNull = (path: string) => {
    mkdirSync(path)
    writeFileSync(join(path, 'null'), 'no device')
  }
  t.ok(instead('dev', fakeNull, [PROC]), 'a file in the place of /dev/null')
  t.same(readdirSync(elsewhere), [])
  t.equal(existsSync('/proc/self/status'), true)
})

t.test('a target of another kind than its source', { skip }, async t => {
  const made = bundle(t)
  writeFileSync(join(made.path, 'file'), '')
  mkdirSync(join(made.rootfs, 'directory'))
  writeFileSync(join(made.rootfs, 'plain'), '')
  const onDirectory = made.run({ mounts: [...USUAL, bind(join(made.path, 'file'), '/directory')] })
  t.match(onDirectory.error, { message: 'on the directory /directory: not a directory', where: '/mounts/2' })
  const onFile = made.run({ mounts: [...USUAL, bind(made.path, '/plain')] })
  t.match(onFile.error, { errnoName: 'ENOTDIR', where: '/mounts/2' })
})

/** Run again in a mount namespace whose mounts are shared, as those of a host with systemd are. */
const SHARED = 'TSRUNC_TEST_SHARED'

t.test('on a host with shared mounts nothing appears outside', { skip }, async t => {
  const made = bundle(t)
  if (process.env[SHARED] !== '1') {
    const self = fileURLToPath(import.meta.url)
    const inner = spawnSync('unshare', ['--mount', '--propagation', 'shared', process.execPath, self], {
      env: { ...process.env, [SHARED]: '1' },
      encoding: 'utf8',
    })
    t.equal(inner.status, 0, inner.stdout)
    return
  }
  const before = readFileSync('/proc/self/mountinfo', 'utf8')
  t.match(before, / shared:\d+ /)
  for (const rootfsPropagation of [undefined, 'shared', 'rshared', 'private', 'unbindable'] as const) {
    const linux = { namespaces: NEW, ...(rootfsPropagation && { rootfsPropagation }) }
    const mounts = [...USUAL, tmpfs('/a'), bind(made.path, '/b')]
    const { output, error } = made.run({ mounts, linux, script: 'cat /proc/self/mountinfo' })
    t.equal(error, undefined, rootfsPropagation ?? 'unset')
    const root = mountTable(output).get('/') ?? ''
    t.equal(root.includes('shared:'), rootfsPropagation?.endsWith('shared') ?? false, root)
    t.equal(root.includes('master:'), rootfsPropagation === undefined, root)
    t.equal(mountTable(output).get('/b')?.includes('shared:'), rootfsPropagation?.endsWith('shared') ?? false)
  }
  t.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before)
})
