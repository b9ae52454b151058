import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { sampleSpec } from '../index.ts'
import { buildLimit } from './bench-limit.ts'

const directory = mkdtempSync(join(tmpdir(), 'tsrunc-limit-'))
t.teardown(() => rmSync(directory, { recursive: true }))
const rootfs = join(directory, 'rootfs')
mkdirSync(join(rootfs, 'bin'), { recursive: true })

const built = buildLimit(directory, sampleSpec())
const limit = 'path' in built ? built.path : ''
const busybox = existsSync('/bin/busybox') ? false : 'no busybox'
const skip = 'missing' in built ? built.missing : process.geteuid?.() === 0 ? busybox : 'needs root'

t.test('the C limit runs containers', { skip }, t => {
  copyFileSync('/bin/busybox', join(rootfs, 'bin/true'))
  const { status, stderr } = spawnSync(limit, ['run', '2', rootfs], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.ok(existsSync(join(rootfs, 'proc')), 'in this rootfs')
  t.end()
})

t.test('one that waits has the mounts of the config', { skip }, t => {
  const tasks = join(directory, 'tasks')
  writeFileSync(tasks, '')
  const { status, stdout, stderr } = spawnSync(limit, ['wait', tasks, rootfs], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  const pid = Number(stdout)
  t.equal(readFileSync(tasks, 'utf8'), '0', 'it joined its cgroup')
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
  process.kill(pid, 'SIGKILL')
  const points = mounts.split('\n').map(line => line.split(' ')[4])
  for (const { destination } of sampleSpec().mounts ?? []) t.ok(points.includes(destination), destination)
  const { maskedPaths = [], readonlyPaths = [] } = sampleSpec().linux ?? {}
  for (const path of [...maskedPaths, ...readonlyPaths]) t.equal(points.includes(path), existsSync(path), path)
  t.match(mounts, / \/ ro,/, 'the root is read-only')
  t.end()
})

t.test('it says what is wrong', { skip }, t => {
  const { status, stderr } = spawnSync(limit, ['run', '1', join(directory, 'nowhere')], { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /bind .*nowhere: No such file or directory/)
  t.end()
})
