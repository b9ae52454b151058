import { symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import {
  type Ended,
  kernelContext,
  makingDirectory,
  mounting,
  openingShared,
  privateMounts,
  runStages,
  withoutUmask,
} from '../dev/stages.ts'
import { isRoot, thrown, workDirectory } from '../host/testing.ts'
import { type Op, syscall } from '../program/op.ts'
import type { Device, Linux, Mount } from '../spec/gen/types.ts'
import { planDevices } from './devices.ts'
import { planExec } from './gate.ts'
import { planMounts } from './mounts.ts'

const skip = isRoot ? false : 'needs root'
const bindDev: Mount = { destination: '/dev/', source: '/dev', options: ['rbind'] }

t.test('listing', t => {
  const devices: Device[] = [
    { path: '/dev/foo', type: 'c', major: 1, minor: 300, fileMode: 0o640, uid: 3 },
    { path: '/dev/a/pipe', type: 'p' },
    { path: '/dev/zero', type: 'u', major: 1, minor: 5, fileMode: 0o600 },
    { path: '/dev/ptmx', type: 'c', major: 5, minor: 2 },
  ]
  const text = stageListing({ linux: { devices } }, planDevices)
  t.equal(text, golden('devices', text))
  const user: Linux = { namespaces: [{ type: 'user' }, { type: 'mount' }], devices: devices.slice(0, 2) }
  const bound = stageListing({ linux: user, facts: { kcore: false } }, planDevices)
  t.equal(bound, golden('devices-user-namespace', bound))
  const spec = { mounts: [bindDev] }
  t.equal(stageListing({ linux: { devices }, spec }, planDevices), '\n', 'nothing for a bound /dev')
  const elsewhere: Device[] = [...devices, { path: '/opt/fuse', type: 'c', major: 10, minor: 229 }]
  const others = stageListing({ linux: { devices: elsewhere }, spec }, planDevices)
  t.match(others, /mknodat\(.*"fuse", S_IFCHR/, 'but for what is not in it')
  t.notMatch(others, /"(foo|pipe|zero|null)"|symlinkat/)
  t.notMatch(stageListing({ linux: { namespaces: [] } }, planDevices), /unlinkat/, 'the rootfs may be that of the host')
  t.end()
})

t.test('in a new tmpfs nothing can be in the way but what was mounted there', t => {
  const mounts: Mount[] = [
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] },
    { destination: '/dev/zero', source: '/dev/full', options: ['bind'] },
  ]
  const foo: Device = { path: '/dev/foo', type: 'c', major: 1, minor: 300, uid: 3 }
  const devices = [foo, foo]
  const facts = { sources: new Map([['/mounts/1', 'file' as const]]) }
  const text = stageListing({ spec: { mounts }, linux: { devices }, facts }, planMounts, planDevices)
  t.equal(text, golden('devices-tmpfs', text))
  t.end()
})

t.test('what is no device', t => {
  const refused = (device: Device) => thrown(() => planDevices(testContext({ linux: { devices: [device] } })))
  t.match(refused({ path: '/', type: 'c', major: 1, minor: 3 }), { where: '/linux/devices/0' })
  t.match(refused({ path: '/dev/x', type: 'c', major: 4096, minor: 3 }), {
    where: '/linux/devices/0',
    message: /4096:3/,
  })
  t.end()
})

/** Lists what the stages make in a root whose /dev is a tmpfs; `before` adds to it. */
function listed(
  t: Parameters<typeof workDirectory>[0],
  linux: Linux,
  before: (root: string) => Op[] = () => [],
): Ended {
  const root = workDirectory(t)
  const args = ['/bin/sh', '-c', `cd ${root}/dev && stat -c '%n %F %t:%T %a %u:%g %N' * a/*`]
  const context = kernelContext({ linux, process: { args } })
  return runStages(
    context,
    [planDevices, planExec],
    [
      ...privateMounts(),
      withoutUmask(),
      makingDirectory(`${root}/dev`),
      mounting('tmpfs', `${root}/dev`, 'tmpfs'),
      ...before(root),
      ...openingShared(context, root),
    ],
  )
}

/** name → the rest of its line */
const table = (ended: Ended): Map<string, string> =>
  new Map(ended.stdout.split('\n').map(line => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]))

t.test('nodes and links', { skip }, t => {
  const devices: Device[] = [
    { path: '/dev/foo', type: 'c', major: 300, minor: 70000, fileMode: 0o640, uid: 3, gid: 4 },
    { path: 'dev/a/pipe', type: 'p', fileMode: 0o6600 },
    { path: '/dev/zero', type: 'u', major: 1, minor: 5, fileMode: 0o600 },
    { path: '/dev/block', type: 'b', major: 7, minor: 255 },
  ]
  const ended = listed(t, { devices })
  t.equal(ended.error, undefined)
  const found = table(ended)
  const expected = {
    null: "character special file 1:3 666 0:0 'null'",
    zero: "character special file 1:5 600 0:0 'zero'",
    full: "character special file 1:7 666 0:0 'full'",
    random: "character special file 1:8 666 0:0 'random'",
    urandom: "character special file 1:9 666 0:0 'urandom'",
    tty: "character special file 5:0 666 0:0 'tty'",
    foo: "character special file 12c:11170 640 3:4 'foo'",
    'a/pipe': "fifo 0:0 6600 0:0 'a/pipe'",
    block: "block special file 7:ff 666 0:0 'block'",
    fd: "symbolic link 0:0 777 0:0 'fd' -> '/proc/self/fd'",
    stdin: "symbolic link 0:0 777 0:0 'stdin' -> '/proc/self/fd/0'",
    stdout: "symbolic link 0:0 777 0:0 'stdout' -> '/proc/self/fd/1'",
    stderr: "symbolic link 0:0 777 0:0 'stderr' -> '/proc/self/fd/2'",
    core: "symbolic link 0:0 777 0:0 'core' -> '/proc/kcore'",
    ptmx: "symbolic link 0:0 777 0:0 'ptmx' -> 'pts/ptmx'",
  }
  for (const [name, line] of Object.entries(expected)) t.equal(found.get(name), line, name)
  t.end()
})

const node = (path: string, mode: number, device = 0): Op =>
  syscall('mknodat', [-100, path, mode, device], { intent: 'test' })
const CHARACTER = 0o020644
const REGULAR = 0o100644

t.test('what is there already may stay only if it is the same device', { skip }, t => {
  const same = listed(t, {}, root => [node(`${root}/dev/null`, CHARACTER, 0x103), node(`${root}/dev/ptmx`, REGULAR)])
  t.equal(same.error, undefined)
  t.match(table(same).get('null'), /1:3 644/)
  t.match(table(same).get('ptmx'), /-> 'pts\/ptmx'/, 'ptmx is replaced')

  const other = listed(t, {}, root => [node(`${root}/dev/null`, CHARACTER, 0x105)])
  t.equal(other.error?.message, '/dev/null exists already and is not the character device 1:3')
  const file = listed(t, {}, root => [node(`${root}/dev/tty`, REGULAR)])
  t.equal(file.error?.message, '/dev/tty exists already and is not the character device 5:0')
  const devices: Device[] = [{ path: '/dev/foo', type: 'b', major: 7, minor: 3 }]
  const asked = listed(t, { devices }, root => [node(`${root}/dev/foo`, CHARACTER, 0x703)])
  t.match(asked.error, { where: '/linux/devices/0', message: /is not the block device 7:3/ })
  t.end()
})

t.test('a link of the image does not lead out', { skip }, t => {
  const root = workDirectory(t)
  const outside = workDirectory(t)
  writeFileSync(`${outside}/canary`, '')
  symlinkSync(outside, `${root}/dev`)
  const args = ['/bin/ls', outside]
  const context = kernelContext({ process: { args } })
  const run = runStages(context, [planDevices, planExec], [...privateMounts(), ...openingShared(context, root)])
  t.equal(run.stdout === '' || run.stdout === 'canary\n', true)
  t.match(run.error, { syscall: 'openat2', errnoName: 'ENOENT' }, 'the target does not exist inside the root')
  t.end()
})

t.test("in a user namespace the host's nodes are bound", { skip }, t => {
  const linux: Linux = {
    namespaces: [{ type: 'user' }, { type: 'mount' }],
    devices: [{ path: '/dev/a/pipe', type: 'p' }],
  }
  const ended = listed(t, linux)
  t.equal(ended.error, undefined)
  t.match(table(ended).get('null'), /^character special file 1:3 666/)
  t.match(table(ended).get('a/pipe'), /^fifo/)
  const wrong: Linux = { ...linux, devices: [{ path: '/dev/zero', type: 'c', major: 1, minor: 3 }] }
  t.match(listed(t, wrong).error, { where: '/linux/devices/0', message: /^\/dev\/zero of the host is not/ })
  t.end()
})
