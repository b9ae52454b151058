// The image that is made for containerd, as tar sees it; and what decides whether a case has passed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BUSYBOX, imageArchive } from './archive.ts'
import { breaches, differences } from './case.ts'

const skip = existsSync(BUSYBOX) ? false : `no ${BUSYBOX}`

function unpacked(t: Test, archive: Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-test-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const { status, stderr } = spawnSync('tar', ['-xf', '-', '-C', directory], { input: archive, encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.equal(stderr, '')
  return directory
}

t.test('an image layout that tar reads, every blob under its digest', { skip }, t => {
  const image = unpacked(t, imageArchive({ 'a:1': '', 'b:2': '1000:1000' }))
  const blobs = join(image, 'blobs/sha256')
  const names = readdirSync(blobs)
  t.equal(names.length, 5, 'one layer, two configs, two manifests')
  for (const name of names) {
    const content = readFileSync(join(blobs, name))
    t.equal(createHash('sha256').update(content).digest('hex'), name)
  }
  const blob = (digest: string) => readFileSync(join(blobs, digest.replace('sha256:', '')))
  const json = (digest: string) => JSON.parse(blob(digest).toString())
  const { manifests } = JSON.parse(readFileSync(join(image, 'index.json'), 'utf8'))
  const users = manifests.map(({ digest }: { digest: string }) => json(json(digest).config.digest).config.User)
  t.same(users, ['', '1000:1000'])

  const rootfs = unpacked(t, blob(json(manifests[0].digest).layers[0].digest))
  t.equal(readlinkSync(join(rootfs, 'bin/sh')), 'busybox')
  t.ok(readFileSync(join(rootfs, 'bin/busybox')).equals(readFileSync(BUSYBOX)))
  t.equal(statSync(join(rootfs, 'tmp')).mode & 0o7777, 0o1777)
  t.end()
})

t.test('what was seen against what was expected, and against the control', t => {
  t.same(breaches({ status: 0, stdout: 'a\n', more: 1 }, { status: 0, stdout: /^a/ }), [])
  t.same(breaches({ status: 1, list: [1] }, { status: 0, list: [1], stdout: /a/ }), [
    'status: 1, expected 0',
    'stdout: undefined, expected /a/',
  ])
  t.same(differences({ status: 0, list: ['a'] }, { status: 0, list: ['a'] }), [])
  t.same(differences({ status: 0 }, { status: 0, stderr: 'b' }), ['stderr: undefined, runc: "b"'])
  t.end()
})
