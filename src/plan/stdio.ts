// Descriptors 0, 1 and 2 of the program: the host's /dev/null is replaced by the container's, which follows its device
// rules and its read-only mounts, and the user becomes their owner so that /dev/stdout can be opened by name.
import { AT, AT_FDCWD, F } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import { jump, label, type Op, type Slot, slot, syscall } from '../program/op.ts'
import type { PlanContext } from './context.ts'
import { hostMadeDev, NULL_DEVICE } from './devices.ts'
import { deviceIs, kindIs, look } from './memory.ts'

const NAMES = ['stdin', 'stdout', 'stderr'] as const
/** (gid_t) -1: left alone, since a terminal's group is the mount's choice. */
const SAME = 0xffff_ffff

export function planStdio(context: PlanContext): Op[] {
  if (context.spec.process.terminal === true) return [own(context, 0)] // three numbers of one terminal
  const nullDevice = slot('/dev/null of the container')
  return NAMES.flatMap((_, descriptor) => planDescriptor(context, descriptor, nullDevice))
}

/** A caller that has closed one of them gets no error for it. */
function planDescriptor(context: PlanContext, descriptor: number, nullDevice: Slot): Op[] {
  const name = NAMES[descriptor]
  const origin: Origin = { intent: `look at ${name}` }
  const other = label(`${name} is not the null device`)
  const done = label(`${name} is ready`)
  const looked = look(descriptor, '', AT.bits.AT_EMPTY_PATH, origin, { on: { errnos: ['EBADF'], to: done } })
  return [
    looked.op,
    jump(other, origin, kindIs(looked, 'ne', S.bits.S_IFCHR)),
    jump(other, origin, deviceIs(looked, 'ne', ...NULL_DEVICE)),
    ...(hostMadeDev(context) ? [] : reopen(context, descriptor, nullDevice)),
    jump(done, origin),
    other,
    own(context, descriptor),
    done,
  ]
}

/** Not if the container has something else there: that could block, or be no file at all. */
function reopen(context: PlanContext, descriptor: number, nullDevice: Slot): Op[] {
  const origin: Origin = { intent: `reopen /dev/null for ${NAMES[descriptor]} inside the container` }
  const { O_RDWR, O_NONBLOCK, O_NOCTTY, O_CLOEXEC } = context.open
  const another = label('/dev/null is not the null device')
  const flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC // O_NONBLOCK: a fifo must not hold us
  const looked = look(nullDevice, '', AT.bits.AT_EMPTY_PATH, origin)
  return [
    syscall('openat', [AT_FDCWD, '/dev/null', flags], origin, { result: nullDevice }),
    looked.op,
    jump(another, origin, kindIs(looked, 'ne', S.bits.S_IFCHR)),
    jump(another, origin, deviceIs(looked, 'ne', ...NULL_DEVICE)),
    syscall('fcntl', [nullDevice, F.values.F_SETFL, O_RDWR], origin),
    syscall('dup3', [nullDevice, descriptor, 0], origin),
    another,
    syscall('close', [nullDevice], origin),
  ]
}

/** EPERM, EINVAL: owner or user is not mapped in the user namespace; EROFS: a file of the caller's that he may not change. */
function own(context: PlanContext, descriptor: number): Op {
  const { uid } = context.spec.process.user
  const origin = { pointer: '/process/user/uid', intent: `give ${NAMES[descriptor]} to the user` }
  return syscall('fchown', [descriptor, uid, SAME], origin, {
    on: { errnos: ['EPERM', 'EINVAL', 'EROFS'] },
  })
}
