// The listing of one program that has everything, compared with fixtures/; TSRUNC_WRITE_GOLDEN=1 writes it anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Architecture } from '../abi/architecture.ts'
import { CAP } from '../abi/capability.ts'
import { AT, AT_FDCWD, AT_REMOVEDIR, F, openFlags, openHow, RESOLVE } from '../abi/fcntl.ts'
import { MOVE_MOUNT, MS, OPEN_TREE, UMOUNT } from '../abi/mount.ts'
import { SIOC } from '../abi/net.ts'
import { AMBIENT, PR } from '../abi/prctl.ts'
import { RLIMIT } from '../abi/resource.ts'
import { CLONE } from '../abi/sched.ts'
import { SIG } from '../abi/signal.ts'
import { AF, SOCK } from '../abi/socket.ts'
import { S } from '../abi/stat.ts'
import type { SyscallName } from '../abi/syscalls.ts'
import { TTY } from '../abi/tty.ts'
import { P, WAIT } from '../abi/wait.ts'
import { calls } from './calls.ts'
import { failAt } from './faults.ts'
import { describe, listing, listingJson } from './listing.ts'
import {
  address,
  cell,
  ERROR_CHANNEL,
  fail,
  jump,
  label,
  NULL,
  type Op,
  pointers,
  release,
  type SyscallOp,
  set,
  slot,
  slotIn,
  struct,
  syscall,
} from './op.ts'

const origin = { pointer: '/mounts/0', intent: 'mount proc on /proc' }
const plain = { intent: 'test' }

function everything(architecture: Architecture): Op[] {
  const O = openFlags(architecture).bits
  const how = struct(openHow, { flags: O.O_PATH, resolve: 0x10n }, '{flags=O_PATH, resolve=RESOLVE_IN_ROOT}')
  const [target, pid, again] = [slot('target'), slot('pid'), slot('target')]
  const [missing, child] = [label('missing'), label('child')]
  const status = cell('status', 16)
  const call = (name: SyscallName, ...args: Parameters<typeof syscall>[1]): SyscallOp => syscall(name, args, plain)
  const openat2 = syscall('openat2', [3, '/proc', how, openHow.size], origin, {
    result: target,
    on: { errnos: ['ENOENT', 'ENOTDIR'], to: missing },
  })
  return [
    openat2,
    syscall('mount', ['proc', '/proc/self/fd/9', 'proc', MS.bits.MS_NOSUID | MS.bits.MS_NODEV, NULL], origin),
    syscall('close', [target], origin, { on: { errnos: 'any' } }),
    missing,
    syscall('clone', [CLONE.bits.CLONE_NEWPID | BigInt(SIG.SIGCHLD), NULL, NULL, NULL, NULL], plain, {
      result: pid,
    }),
    jump(child, plain, { slot: pid, mask: 2n ** 64n - 1n, is: 'eq', value: 0n }),
    jump(missing, plain, { slot: slotIn(status, 8), mask: 0x7fn, is: 'ne', value: 0n }),
    call('waitid', P.values.P_PIDFD, again, address(status, 8), WAIT.bits.WEXITED, NULL),
    fail(pid, { pointer: '/hooks/createContainer/0', intent: 'run a hook' }),
    child,
    set(ERROR_CHANNEL, again, plain),
    call('openat', AT_FDCWD, '/dev/null', O.O_DIRECTORY | O.O_CLOEXEC, 0o755),
    call('openat', 5, 'x', O.O_WRONLY | O.O_CREAT, 0),
    call('dup3', target, 100, O.O_CLOEXEC),
    call('fcntl', 3, F.values.F_SETFL, O.O_NONBLOCK),
    call('mknodat', 4, 'null', S.bits.S_IFCHR | 0o666n, 0x103),
    call('unlinkat', 4, 'x', AT_REMOVEDIR),
    call('open_tree', 4, '', OPEN_TREE.bits.OPEN_TREE_CLONE | AT.bits.AT_RECURSIVE | AT.bits.AT_EMPTY_PATH),
    call('move_mount', -1, '', 4, '', MOVE_MOUNT.bits.MOVE_MOUNT_F_EMPTY_PATH),
    call('umount2', '.', UMOUNT.bits.MNT_DETACH),
    call('prctl', PR.values.PR_CAPBSET_DROP, CAP.CAP_SYS_ADMIN, NULL, NULL, NULL),
    call('prctl', PR.values.PR_CAP_AMBIENT, AMBIENT.values.PR_CAP_AMBIENT_RAISE, CAP.CAP_CHOWN, NULL, NULL),
    call('prctl', PR.values.PR_SET_PDEATHSIG, SIG.SIGKILL, NULL, NULL, NULL),
    call('prlimit64', 0, RLIMIT.values.RLIMIT_NOFILE, NULL, NULL),
    call('setresuid', -1, 0xffffffffn, 1000),
    call('ioctl', 0, TTY.values.TIOCSCTTY, 1),
    call('ioctl', 7, SIOC.values.SIOCSIFFLAGS, address(status)),
    call('socket', AF.values.AF_UNIX, SOCK.bits.SOCK_SEQPACKET | SOCK.bits.SOCK_CLOEXEC, 0),
    call('umask', 0o22),
    release(plain),
    call('sched_yield', 2, 0x12345n),
    call('execve', '/bin/sh', pointers(['sh', '-c']), pointers([])),
  ]
}

function golden(name: string, text: string): string {
  const file = fileURLToPath(new URL(`../../../src/program/fixtures/${name}`, import.meta.url))
  if (process.env.TSRUNC_WRITE_GOLDEN === '1') writeFileSync(file, text)
  return readFileSync(file, 'utf8')
}

for (const architecture of ['x86_64', 'aarch64'] as const)
  t.test(`the listing of everything for ${architecture}`, t => {
    const text = listing(everything(architecture), architecture)
    t.equal(text, golden('everything.txt', text), 'the same on both architectures, numbers differ')
    t.end()
  })

t.test('as JSON: the same words, one object an op', t => {
  const ops = listingJson(everything('x86_64'), 'x86_64')
  t.same(ops[0], {
    op: 0,
    kind: 'syscall',
    syscall: 'openat2',
    args: ['3', '"/proc"', '{flags=O_PATH, resolve=RESOLVE_IN_ROOT}', '24'],
    result: 'target',
    on: { errnos: ['ENOENT', 'ENOTDIR'], to: 'missing' },
    pointer: '/mounts/0',
    intent: 'mount proc on /proc',
  })
  t.same(ops[3]?.labels, ['missing'])
  t.same(ops[4], { op: 4, kind: 'jump', action: 'goto child if pid == 0', intent: 'test' })
  t.same(JSON.parse(JSON.stringify(ops)), ops, 'nothing is lost as JSON')
  t.end()
})

t.test('one call alone', t => {
  const [openat2] = everything('x86_64') as [SyscallOp]
  t.same(describe(openat2, 'x86_64').args, ['3', '"/proc"', '{flags=O_PATH, resolve=RESOLVE_IN_ROOT}', '24'])
  t.end()
})

t.test('a failing op says which call it stands for', t => {
  const text = listing(failAt(everything('x86_64'), 1, 'EPERM'), 'x86_64')
  t.match(text, /^ {2}1 {2}fail 1 in place of mount\("proc", .*# \/mounts\/0: mount proc on \/proc$/m)
  t.end()
})

t.test('rows have unique names and at most six arguments', t => {
  for (const [name, row] of Object.entries(calls())) {
    const names = row.map(([argument]) => argument)
    t.ok(row.length <= 6 && new Set(names).size === names.length, name)
  }
  t.equal(RESOLVE.format(0x12n), 'RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT')
  t.end()
})
