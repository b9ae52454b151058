// Images that run: what the interpreter does with each kind of record, on this machine's kernel, and for aarch64
// under qemu's user mode emulation.
import t, { type Test } from 'tap'
import type { Architecture } from '../abi/architecture.ts'
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { AT_FDCWD, openFlags } from '../abi/fcntl.ts'
import { SIG } from '../abi/signal.ts'
import type { SyscallName } from '../abi/syscalls.ts'
import { timespec, WAIT } from '../abi/wait.ts'
import { emulator, type ImageRun, runImage } from '../dev/run-image.ts'
import { HOOK_STATUS, HOOK_STATUS_KIND_OFFSET, hookStatus } from '../program/hook-status.ts'
import {
  address,
  bytes,
  type CallRest,
  type Condition,
  cell,
  ERROR_CHANNEL,
  fail,
  jump,
  label,
  NULL,
  type Op,
  type Operand,
  pointers,
  release,
  set,
  slot,
  slotIn,
  syscall,
} from '../program/op.ts'
import { message } from '../program/sync.ts'

const origin = { intent: 'test' }
const call = (name: SyscallName, args: readonly Operand[], rest: CallRest = {}): Op => syscall(name, args, origin, rest)
const exit = (status: Operand | number): Op => call('exit_group', [typeof status === 'number' ? status : status])

const cases: Record<string, (t: Test, run: (ops: readonly Op[]) => ImageRun, architecture: Architecture) => void> = {
  'calls, results and the exit status': (t, run) => {
    const pid = slot('pid')
    const out = run([call('getpid', [], { result: pid }), call('write', [1, address(pid.cell), 8]), exit(7)])
    t.equal(out.status, 7)
    t.equal(out.failure, undefined)
    t.equal(out.stdout.readBigUInt64LE(), BigInt(out.pid))
  },

  'an error that is not expected ends the program with a record': (t, run) => {
    const skipped = label('skipped')
    const out = run([skipped, call('getpid', []), call('chdir', ['/does/not/exist']), exit(9)])
    t.equal(out.status, 1)
    t.same(out.failure, { op: 1, value: BigInt(ERRNO.ENOENT[0]) })
  },

  'errors are matched at each of the four places, or any': (t, run) => {
    const bad = (errnos: readonly ErrnoName[] | 'any', to?: ReturnType<typeof label>): Op =>
      call('close', [99], { on: to === undefined ? { errnos } : { errnos, to } })
    const others = ['EPERM', 'EIO', 'ENOENT', 'EAGAIN'] as const
    for (let i = 0; i < 4; i++) {
      const errnos: ErrnoName[] = [...others]
      errnos[i] = 'EBADF'
      t.equal(run([bad(errnos), exit(40 + i)]).status, 40 + i, `place ${i}: goes on`)
    }
    t.equal(run([bad(['EBADF']), exit(50)]).status, 50, 'alone')
    t.equal(run([bad('any'), exit(51)]).status, 51, 'any')
    t.same(run([bad(others), exit(52)]).failure, { op: 0, value: BigInt(ERRNO.EBADF[0]) }, 'none of four')
    const there = label('there')
    for (const errnos of [['EIO', 'EBADF'], 'any'] as const)
      t.equal(run([bad(errnos, there), exit(1), there, exit(53)]).status, 53, 'jump')
    t.equal(
      run([call('getpid', [], { on: { errnos: 'any', to: there } }), exit(54), there, exit(1)]).status,
      54,
      'no error',
    )
  },

  'a success that goes on elsewhere; expected errors go on with the next op': (t, run) => {
    const there = label('there')
    const pid = slot('pid')
    const getpid = call('getpid', [], { result: pid, success: there })
    t.equal(
      run([getpid, exit(60), there, fail(1, origin, { slot: pid, mask: -1n, is: 'eq', value: 0n }), exit(61)]).status,
      61,
    )
    const failing = (on?: CallRest['on']): Op => call('close', [99], { on, success: there })
    t.equal(run([failing({ errnos: ['EIO', 'EBADF'] }), exit(62), there, exit(1)]).status, 62)
    t.equal(run([failing({ errnos: 'any' }), exit(63), there, exit(1)]).status, 63)
    t.same(run([failing(), exit(1), there, exit(1)]).failure, { op: 0, value: BigInt(ERRNO.EBADF[0]) })
  },

  'after EAGAIN a call is made again': (t, run) => {
    const [timer, expired] = [slot('timer'), slot('expirations')]
    const soon = cell('itimerspec', 32, [timespec.encode({}), timespec.encode({ tv_nsec: 20_000_000 })])
    const nonblocking = 0o4000 // TFD_NONBLOCK
    const ops = (again: boolean): Op[] => [
      call('timerfd_create', [1, nonblocking], { result: timer }),
      call('timerfd_settime', [timer, 0, address(soon), NULL]),
      call('read', [timer, address(expired.cell), 8], { again }),
      exit(expired),
    ]
    t.equal(run(ops(true)).status, 1, 'one expiration')
    t.same(run(ops(false)).failure, { op: 2, value: BigInt(ERRNO.EAGAIN[0]) })
  },

  'the result of a failed call is not stored': (t, run) => {
    const kept = slot('kept')
    const failing = call('close', [99], { result: kept, on: { errnos: ['EBADF'] } })
    t.equal(run([set(kept, 33, origin), failing, exit(kept)]).status, 33)
  },

  'operands: loads at each place, negative constants, addresses': (t, run, architecture) => {
    const O = openFlags(architecture).bits
    const refused = label('refused')
    const [fd, flags, path, at, mode] = [slot('fd'), slot('flags'), slot('path'), slot('at'), slot('mode')]
    const out = run([
      set(at, AT_FDCWD, origin),
      set(path, '/dev/null', origin),
      set(flags, O.O_RDWR | O.O_CLOEXEC, origin),
      set(mode, 0, origin),
      call('openat', [at, path, flags, mode], { result: fd }),
      call('write', [fd, path, 9]),
      call('openat', [AT_FDCWD, '/', O.O_DIRECTORY | O.O_NOFOLLOW, 0]),
      call('openat', [AT_FDCWD, path, O.O_DIRECTORY, 0], {
        on: { errnos: ['ENOTDIR'], to: refused },
      }),
      exit(1),
      refused,
      call('prctl', [4, 1, mode, mode, mode, mode]), // PR_SET_DUMPABLE
      call('write', [1, path, 9]),
      exit(0),
    ])
    t.same([out.failure, out.status], [undefined, 0])
    t.equal(out.stdout.toString(), '/dev/null')
  },

  'memory with contents, and pointers in it': (t, run) => {
    const iov = cell('iov', 32, [
      'one ',
      new Uint8Array([4, 0, 0, 0, 0, 0, 0, 0]),
      address(cell('two', 8, [Buffer.from('two\n')])),
    ])
    const out = run([set(slotIn(iov, 24), 4, origin), call('writev', [1, address(iov), 2]), exit(0)])
    t.equal(out.stdout.toString(), 'one two\n')
  },

  'set at an unaligned place': (t, run) => {
    const word = cell('word', 16)
    const out = run([
      set(slotIn(word), 9, origin),
      set(slotIn(word, HOOK_STATUS_KIND_OFFSET), HOOK_STATUS.values.KILLED, origin),
      fail(slotIn(word), origin),
    ])
    t.same(out.failure, { op: 2, value: hookStatus('KILLED', 9) })
  },

  'a conditional jump compares masked, unsigned words': (t, run) => {
    const all = 2n ** 64n - 1n
    const table: [held: bigint, is: Condition['is'], mask: bigint, value: bigint, taken: boolean][] = [
      [5n, 'eq', all, 5n, true],
      [5n, 'eq', all, 4n, false],
      [0x1205n, 'eq', 0xff00n, 0x1200n, true],
      [0x1305n, 'eq', 0xff00n, 0x1200n, false],
      [5n, 'ne', all, 4n, true],
      [5n, 'ne', 1n, 1n, false],
      [3n, 'lt', all, 4n, true],
      [4n, 'lt', all, 4n, false],
      [-1n, 'lt', all, 4n, false],
      [4n, 'ge', all, 4n, true],
      [-1n, 'ge', all, 2n ** 63n, true],
      [3n, 'ge', all, 4n, false],
      [1n << 40n, 'eq', 0xffffffffn, 0n, true],
    ]
    // one program that writes a letter for each row
    const word = slot('word')
    const ops = table.flatMap(([held, is, mask, value]) => {
      const [yes, next] = [label('yes'), label('next')]
      const say = (text: string): Op => call('write', [1, text, 1])
      const when = { slot: word, mask, is, value }
      return [set(word, held, origin), jump(yes, origin, when), say('n'), jump(next, origin), yes, say('y'), next]
    })
    const out = run([...ops, exit(0)])
    t.equal(out.stdout.toString(), table.map(row => (row[4] ? 'y' : 'n')).join(''))
  },

  'a loop ends': (t, run) => {
    const buffer = cell('buffer', 8)
    const [again, done] = [label('again'), label('done')]
    const got = slot('got')
    const fds = cell('fds', 8)
    // a program that starts with descriptors 0 to 3 gets 4 and 5
    const out = run([
      call('pipe2', [address(fds), 0]),
      call('write', [5, bytes(Buffer.from('x'.repeat(20))), 20]),
      call('close', [5]),
      again,
      call('read', [4, address(buffer), 8], { result: got }),
      jump(done, origin, { slot: got, mask: 2n ** 64n - 1n, is: 'eq', value: 0n }),
      call('write', [1, address(buffer), got]),
      jump(again, origin),
      done,
      exit(0),
    ])
    t.equal(out.stdout.toString(), 'x'.repeat(20))
  },

  'a child process, its status': (t, run) => {
    const [pid, status, child] = [slot('pid'), slot('status'), label('child')]
    const all = 2n ** 64n - 1n
    const out = run([
      call('clone', [SIG.SIGCHLD, NULL, NULL, NULL, NULL], { result: pid }),
      jump(child, origin, { slot: pid, mask: all, is: 'eq', value: 0n }),
      call('wait4', [pid, address(status.cell), WAIT.bits.__WALL, NULL]),
      call('write', [1, address(status.cell), 2]),
      exit(0),
      child,
      call('write', [1, 'child ', 6]),
      exit(5),
    ])
    t.equal(out.stdout.toString('latin1'), 'child \x00\x05')
    t.equal(out.status, 0)
  },

  'another program: arguments, environment': (t, run) => {
    const argv = pointers(['sh', '-c', 'echo "$0 $1 $A"', 'zero', 'one'])
    const out = run([call('execve', ['/bin/sh', argv, pointers(['A=b'])])])
    t.equal(out.stdout.toString(), 'zero one b\n')
    t.equal(out.status, 0)
    const failed = run([call('execve', ['/no/such', argv, NULL])])
    t.same(failed.failure, { op: 0, value: BigInt(ERRNO.ENOENT[0]) })
  },

  'fail, and the channel for failures': (t, run) => {
    const value = slot('value')
    t.same(run([exit(0), fail(1, origin)]).failure, undefined)
    t.same(run([fail(2n ** 40n, origin)]).failure, { op: 0, value: 2n ** 40n })
    t.same(run([set(value, 6, origin), fail(value, origin)]).failure, { op: 1, value: 6n })
    const is6 = (mask: bigint) => ({ slot: value, mask, is: 'eq', value: 6n }) as const
    const one = set(value, 6n | (1n << 40n), origin)
    t.same(run([one, fail(8, origin, is6(0xffn)), exit(0)]).failure, { op: 1, value: 8n })
    t.same(run([one, fail(8, origin, is6(-1n)), exit(64)]).status, 64)
    const moved = run([set(ERROR_CHANNEL, 1, origin), fail(9, origin)])
    t.equal(moved.failure, undefined)
    t.match(message.decode(moved.stdout), { op: 1n, value: 9n })
  },

  'memory that was released is there again': (t, run) => {
    const path = '/dev/null is a text of the constants'
    const filler = Array.from({ length: 300 }, () => call('getpid', []))
    const out = run([...filler, release(origin), call('write', [1, path, 9]), exit(4)])
    t.equal(out.stdout.toString(), '/dev/null')
    t.equal(out.status, 4)
  },

  'many records, their numbers': (t, run) => {
    const ops = Array.from({ length: 1200 }, (_, i) => call('close', [1000 + i], { on: { errnos: ['EBADF'] } }))
    t.same(run([...ops, call('close', [9]), exit(0)]).failure, { op: 1200, value: BigInt(ERRNO.EBADF[0]) })
  },
}

for (const architecture of ['x86_64', 'aarch64'] as const)
  t.test(architecture, { skip: emulator(architecture) === undefined ? `no qemu-${architecture}-static` : false }, t => {
    for (const [name, check] of Object.entries(cases))
      t.test(name, t => {
        check(t, ops => runImage(architecture, ops), architecture)
        t.end()
      })
    t.end()
  })
