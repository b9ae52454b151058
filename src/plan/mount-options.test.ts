import t from 'tap'
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import { attributes, mountOptions, parseMountOptions } from './mount-options.ts'

const parse = (...options: string[]) => {
  const parsed = parseMountOptions(options)
  return { ...parsed, attributes: attributes(parsed) }
}
const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME } =
  MOUNT_ATTR.bits

/** runtime-spec 1.3.0, config.md, "Linux mount options". */
const SPEC_OPTIONS = `
  async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec
  noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime
  remount rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate
  rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid
  symfollow sync tmpcopyup unbindable idmap ridmap`
  .trim()
  .split(/\s+/)

t.test('every option of the spec has a row, and every other row is of runc or crun', async t => {
  const known = [...mountOptions().keys()]
  t.same(
    SPEC_OPTIONS.filter(option => !known.includes(option)),
    [],
  )
  t.same(known.filter(option => !SPEC_OPTIONS.includes(option)).sort(), [
    'acl',
    'copy-symlink',
    'dest-nofollow',
    'noacl',
    'src-nofollow',
  ])
})

t.test('what an option sets, its opposite clears', async t => {
  const pairs: [string, string, bigint][] = [
    ['ro', 'rw', MS.bits.MS_RDONLY],
    ['nosuid', 'suid', MS.bits.MS_NOSUID],
    ['nodev', 'dev', MS.bits.MS_NODEV],
    ['noexec', 'exec', MS.bits.MS_NOEXEC],
    ['sync', 'async', MS.bits.MS_SYNCHRONOUS],
    ['mand', 'nomand', MS.bits.MS_MANDLOCK],
    ['iversion', 'noiversion', MS.bits.MS_I_VERSION],
    ['lazytime', 'nolazytime', MS.bits.MS_LAZYTIME],
    ['silent', 'loud', MS.bits.MS_SILENT],
    ['noatime', 'atime', MS.bits.MS_NOATIME],
    ['nodiratime', 'diratime', MS.bits.MS_NODIRATIME],
    ['relatime', 'norelatime', MS.bits.MS_RELATIME],
    ['strictatime', 'nostrictatime', MS.bits.MS_STRICTATIME],
    ['nosymfollow', 'symfollow', MS.bits.MS_NOSYMFOLLOW],
  ]
  for (const [on, off, flag] of pairs) {
    t.equal(parse(on).flags, flag, on)
    t.equal(parse(on, off).flags, 0n, `${on},${off}`)
    t.equal(parse(off, on).flags, flag, `${off},${on}`)
  }
})

t.test('a bind changes what is asked for and keeps the rest', async t => {
  t.same(parse('bind', 'ro').attributes, { set: MOUNT_ATTR_RDONLY, clear: 0n })
  t.same(parse('bind', 'rw', 'suid').attributes, { set: 0n, clear: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID })
  t.same(parse('bind', 'rw', 'ro').attributes, { set: MOUNT_ATTR_RDONLY, clear: 0n }, 'the later one wins')
  t.same(parse('bind', 'sync', 'lazytime').attributes, { set: 0n, clear: 0n }, 'a superblock cannot be changed by it')
})

t.test('an access time mode clears the whole field first', async t => {
  t.same(parse('noatime').attributes, { set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME })
  t.same(parse('relatime').attributes, { set: 0n, clear: MOUNT_ATTR__ATIME })
  t.same(parse('noatime', 'strictatime').attributes, { set: MOUNT_ATTR_STRICTATIME, clear: MOUNT_ATTR__ATIME })
  t.same(parse('noatime', 'ro', 'atime').attributes, { set: MOUNT_ATTR_RDONLY, clear: MOUNT_ATTR__ATIME })
  t.same(parse('noatime', 'norelatime').attributes, { set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME })
  t.equal(parse('noatime', 'relatime').flags, MS.bits.MS_RELATIME)
})

t.test('r-forms concern the whole tree and no flag of mount(2)', async t => {
  const { flags, attributes, recursive } = parse('rro', 'rnosuid', 'rrw')
  t.equal(flags, 0n)
  t.same(attributes, { set: 0n, clear: 0n })
  t.same(recursive, { set: MOUNT_ATTR_NOSUID, clear: MOUNT_ATTR_RDONLY })
})

t.test('propagation is kept in order, unknown options are data', async t => {
  const { propagation, data, flags } = parse('rslave', 'size=64k', 'shared', 'defaults', '', 'mode=755')
  t.same(propagation, [MS.bits.MS_SLAVE | MS.bits.MS_REC, MS.bits.MS_SHARED])
  t.same(data, ['size=64k', 'mode=755'])
  t.equal(flags, 0n)
})

t.test('what the runtime has to do by itself is told apart', async t => {
  t.same(parse('ro', 'tmpcopyup', 'size=1m').extras, ['tmpcopyup'])
  t.same(parse('idmap', 'ridmap').extras, ['idmap', 'ridmap'])
  t.same(parse('idmap=uids=0-1-1;gids=0-1-1', 'ridmap=').extras, ['idmap', 'ridmap'])
  t.same(parse('copy-symlink', 'src-nofollow', 'dest-nofollow').data, [])
  t.same(parse('xidmap=1', 'idmapped').data, ['xidmap=1', 'idmapped'])
})

t.test('names of a prototype are data like any other', async t => {
  t.same(parse('constructor', '__proto__').data, ['constructor', '__proto__'])
})
