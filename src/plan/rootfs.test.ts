import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import type { Linux } from '../spec/gen/types.ts'
import { PROPAGATION, planAttachRootfs, planEnterRoot, planFinalMounts } from './rootfs.ts'
import { planHostSources } from './sources.ts'

const stages = [planHostSources, planAttachRootfs, planEnterRoot, planFinalMounts]
const namespaces = [{ type: 'mount' as const }]

t.test('pivot_root, read-only', async t => {
  const text = stageListing({ spec: { root: { path: 'rootfs', readonly: true } }, linux: { namespaces } }, ...stages)
  t.equal(text, golden('rootfs-pivot', text))
})

t.test('no pivot: MS_MOVE, and the host hidden', async t => {
  const text = stageListing({ options: { noPivot: true }, linux: { namespaces } }, ...stages)
  t.equal(text, golden('rootfs-no-pivot', text))
})

t.test('no mount namespace: chroot, and nothing mounted', async t => {
  const text = stageListing({ linux: { namespaces: [] } }, ...stages)
  t.equal(text, golden('rootfs-chroot', text))
  const refused = (linux: Linux, rest: object = {}) =>
    t.throws(() => stageListing({ linux: { namespaces: [], ...linux }, spec: rest }, ...stages), {
      name: 'UnsupportedError',
      where: '/linux/namespaces',
      hint: /"mount"/,
    })
  refused({ maskedPaths: ['/a'] })
  refused({ readonlyPaths: ['/a'] })
  refused({ devices: [{ type: 'c', path: '/dev/a', major: 1, minor: 3 }] })
  refused({}, { mounts: [{ destination: '/proc', type: 'proc' }] })
  refused({}, { root: { path: 'rootfs', readonly: true } })
})

t.test('the rootfs is never a peer of the host, whatever its propagation', async t => {
  for (const name of Object.keys(PROPAGATION) as (keyof typeof PROPAGATION)[]) {
    const text = stageListing({ linux: { namespaces, rootfsPropagation: name } }, ...stages)
    const change = name.endsWith('shared')
      ? 'AT_EMPTY_PATH, {propagation=MS_PRIVATE}'
      : `AT_EMPTY_PATH|AT_RECURSIVE, {propagation=${name.endsWith('slave') ? 'MS_SLAVE' : 'MS_PRIVATE'}}`
    t.ok(text.includes(`mount_setattr(root, "", ${change}`), name)
    const kind = `MS_${name.replace(/^r/, '').toUpperCase()}`
    t.match(text, new RegExp(`mount\\(NULL, "/", NULL, .*${kind}`), name)
  }
})

t.test('an absolute root.path is taken as it is', async t => {
  const text = stageListing({ spec: { root: { path: '/srv/tree' } }, linux: { namespaces } }, planAttachRootfs)
  t.match(text, /"\/srv\/tree"/)
})
