import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { attachMount, cloneMount, detachMount, setMountAttributes } from './mount.ts'
import { mountEntries, parseMountinfo } from './mountinfo.ts'
import { canCloneMounts } from './probe.ts'
import { isRoot, thrown, workDirectory } from './testing.ts'

const skip = isRoot && canCloneMounts() ? false : 'needs CAP_SYS_ADMIN'
const { O_CREAT, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } = O.bits

t.test('a clone is attached nowhere, and attributes hold for it alone', { skip }, t => {
  const dir = workDirectory(t)
  writeFileSync(join(dir, 'file'), 'content')
  const before = mountEntries().length
  using clone = cloneMount(dir)
  t.equal(mountEntries().length, before)
  using file = clone.openAt('file', O_RDONLY)
  t.equal(file.readText(), 'content')
  setMountAttributes(clone, { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY, propagation: MS.bits.MS_PRIVATE })
  t.ok(
    isErrno(
      thrown(() => clone.openAt('new', O_WRONLY | O_CREAT)),
      'EROFS',
    ),
  )
  writeFileSync(join(dir, 'new'), '')
  using single = cloneMount(file)
  t.match(thrown(() => single.openAt('x', O_RDONLY)).message, /not a directory/)
  t.match(
    thrown(() => cloneMount('/nonexistent')).message,
    /^open_tree\(AT_FDCWD, "\/nonexistent", OPEN_TREE_CLONE\|OPEN_TREE_CLOEXEC\)/,
  )
  t.end()
})

t.test('attached, found in mountinfo, detached', { skip }, t => {
  const dir = workDirectory(t)
  const [source, target] = [join(dir, 'source'), join(dir, 'a target\twith blanks')]
  for (const path of [source, target]) mkdirSync(path)
  writeFileSync(join(source, 'file'), 'content')
  t.teardown(() => detachMount(target))
  {
    using clone = cloneMount(source)
    setMountAttributes(clone, { set: MOUNT_ATTR.bits.MOUNT_ATTR_NOEXEC, propagation: MS.bits.MS_PRIVATE })
    using place = Fd.open(target, O_PATH | O_DIRECTORY)
    attachMount(clone, place)
  }
  t.equal(readFileSync(join(target, 'file'), 'utf8'), 'content')
  const entry = mountEntries().find(({ mountPoint }) => mountPoint === target)
  t.ok(entry?.options.includes('noexec'))
  t.same(entry?.propagation, [])
  t.ok(entry?.root.endsWith('/source'))
  t.equal(detachMount(target), true)
  t.equal(detachMount(target), false)
  t.equal(detachMount(join(dir, 'none')), false)
  t.end()
})

t.test('a line of mountinfo', t => {
  const text =
    '36 35 98:0 /mnt1 /mnt/a\\040b rw,noatime master:1 shared:2 - ext3 /dev/root\\134x rw,errors=continue\n' +
    '37 36 0:22 / /none ro - tmpfs  rw\n'
  t.same(parseMountinfo(text), [
    {
      id: 36,
      parent: 35,
      device: '98:0',
      root: '/mnt1',
      mountPoint: '/mnt/a b',
      options: ['rw', 'noatime'],
      propagation: ['master:1', 'shared:2'],
      type: 'ext3',
      source: '/dev/root\\x',
      superOptions: ['rw', 'errors=continue'],
    },
    {
      id: 37,
      parent: 36,
      device: '0:22',
      root: '/',
      mountPoint: '/none',
      options: ['ro'],
      propagation: [],
      type: 'tmpfs',
      source: '',
      superOptions: ['rw'],
    },
  ])
  t.ok(mountEntries().some(({ mountPoint, type }) => mountPoint === '/proc' && type === 'proc'))
  t.end()
})
