// The terminal: a pty of the container's own devpts, bound over /dev/console, in the place of descriptors 0, 1 and 2,
// and made the controlling terminal; its master goes to the host. /dev/pts/ptmx is what the image or a mount has put
// there, so it is opened without following a link and looked at before anything is asked of it (CVE-2025-52565).
// See pts(4), ioctl_tty(2), unix(7).
import { AT } from '../abi/fcntl.ts'
import { FSMAGIC, statfs } from '../abi/magic.ts'
import { cmsghdr, MSG, msghdr, SCM, SOL } from '../abi/socket.ts'
import { S } from '../abi/stat.ts'
import { TTY, winsize } from '../abi/tty.ts'
import type { Origin } from '../errors.ts'
import {
  address,
  bytes,
  type Cell,
  cell,
  type DataOperand,
  fail,
  type Op,
  type Operand,
  type Slot,
  slot,
  slotIn,
  struct,
  syscall,
} from '../program/op.ts'
import { MESSAGE, message } from '../program/sync.ts'
import { hasNamespace, type PlanContext } from './context.ts'
import { deviceIs, field, kindIs, look } from './memory.ts'
import { attach, cloneTree, close } from './mount-calls.ts'
import { atFixed, ensureTarget, openInRoot } from './resolve.ts'

const PTMX = '/dev/pts/ptmx'
const PTMX_DEVICE = [5, 2] as const
const CONSOLE = '/dev/console'

/** Room for one descriptor behind the header, padded as CMSG_SPACE does. */
const CONTROL_SIZE = cmsghdr.size + 8
const INT_SIZE = 4

export function planConsole(context: PlanContext): Op[] {
  if (context.spec.process.terminal !== true) return []
  const origin = { pointer: '/process/terminal', intent: 'make the terminal' }
  const control = controlMessage()
  const master = slotIn(control, cmsghdr.size) // where sendmsg looks for it
  const slave = slot('the terminal')
  return [
    ...openMaster(context, master, origin),
    ...openSlave(context, master, slave, origin),
    ...planSize(context, master),
    ...bindConsole(context, slave),
    ...takeTerminal(slave, origin),
    sendMaster(context, control),
    close(master, origin),
  ]
}

const ioctl = (terminal: Slot, request: keyof typeof TTY.values, value: Operand, origin: Origin, result?: Slot): Op =>
  syscall('ioctl', [terminal, TTY.values[request], value], origin, result === undefined ? {} : { result })

function openMaster(context: PlanContext, master: Slot, origin: Origin): Op[] {
  const path = openInRoot(context, PTMX, 'itself', origin)
  const { source } = context.numbers
  const forged = { ...origin, intent: `${PTMX} is not the multiplexer of a devpts` }
  const looked = look(source, '', AT.bits.AT_EMPTY_PATH, origin)
  const filesystem = cell('statfs', statfs.size)
  const { O_RDWR, O_NOCTTY, O_CLOEXEC } = context.open
  const flags = O_RDWR | O_NOCTTY | O_CLOEXEC
  return [
    ...path.ops,
    ...atFixed(context, path.fd, source, origin),
    looked.op,
    fail(0, forged, kindIs(looked, 'ne', S.bits.S_IFCHR)),
    fail(0, forged, deviceIs(looked, 'ne', ...PTMX_DEVICE)),
    syscall('fstatfs', [source, address(filesystem)], origin),
    fail(
      0,
      forged,
      field(filesystem, statfs, 'f_type', 'ne', FSMAGIC.values.DEVPTS_SUPER_MAGIC, { named: 'DEVPTS_SUPER_MAGIC' }),
    ),
    syscall('openat', [context.slots.proc, `self/fd/${source}`, flags], origin, { result: master }),
    // the number stays taken, by whatever: it is reserved until the root is entered
  ]
}

/** The slave comes from the master itself and not by its name, which could mean another file by now. */
function openSlave(context: PlanContext, master: Slot, slave: Slot, origin: Origin): Op[] {
  const flags = context.open.O_RDWR | context.open.O_NOCTTY // the program would see O_CLOEXEC by F_GETFL
  return [
    ioctl(master, 'TIOCSPTLCK', bytes(new Uint8Array(INT_SIZE), '[0]'), origin),
    ioctl(master, 'TIOCGPTPEER', flags, origin, slave),
  ]
}

function planSize(context: PlanContext, master: Slot): Op[] {
  const { consoleSize } = context.spec.process
  if (consoleSize === undefined || (consoleSize.height === 0 && consoleSize.width === 0)) return []
  const { height, width } = consoleSize
  const size = struct(winsize, { ws_row: height, ws_col: width }, `{ws_row=${height}, ws_col=${width}}`)
  return [
    ioctl(master, 'TIOCSWINSZ', size, { pointer: '/process/consoleSize', intent: 'set the size of the terminal' }),
  ]
}

/** Not where it would be a mount of the host's, which nobody takes away. */
function bindConsole(context: PlanContext, slave: Slot): Op[] {
  if (!hasNamespace(context, 'mount')) return []
  const origin = { pointer: '/process/terminal', intent: `bind the terminal over ${CONSOLE}` }
  const tree = slot('a mount of the terminal')
  const target = ensureTarget(context, CONSOLE, 'file', origin)
  return [
    cloneTree(slave, origin, { recursive: false, result: tree }),
    ...target.ops,
    attach(tree, target.fd, origin),
    close(tree, origin),
    close(target.fd, origin),
  ]
}

const takeTerminal = (slave: Slot, origin: Origin): Op[] => [
  ioctl(slave, 'TIOCSCTTY', 0, origin),
  ...[0, 1, 2].map(number => syscall('dup3', [slave, number, 0], origin)),
  close(slave, origin),
]

function controlMessage(): Cell {
  const header = cmsghdr.encode({
    cmsg_len: cmsghdr.size + INT_SIZE,
    cmsg_level: SOL.values.SOL_SOCKET,
    cmsg_type: SCM.values.SCM_RIGHTS,
  })
  return cell('SCM_RIGHTS', CONTROL_SIZE, [header])
}

function sendMaster(context: PlanContext, control: Cell): Op {
  const origin = { pointer: '/process/terminal', intent: 'hand the terminal to the host' }
  const { sync } = context.facts.descriptors
  const record = bytes(message.encode({ kind: MESSAGE.values.CONSOLE }), '<CONSOLE>')
  const args = [sync, withControl(record, message.size, control), MSG.bits.MSG_NOSIGNAL]
  return syscall('sendmsg', args, origin)
}

/** struct msghdr has pointers, so it is put together from parts around them. */
function withControl(record: DataOperand, size: number, control: Cell): DataOperand {
  const iovec: DataOperand = { kind: 'data', parts: [record, word(size)], text: `[${record.text}]` }
  const fields = msghdr.encode({ msg_iovlen: 1, msg_controllen: control.size })
  const iov = msghdr.offset('msg_iov')
  const rights = msghdr.offset('msg_control')
  const parts = [
    fields.subarray(0, iov),
    iovec,
    fields.subarray(iov + 8, rights),
    address(control),
    fields.subarray(rights + 8),
  ]
  return { kind: 'data', parts, text: `{msg_iov=${iovec.text}, msg_control=${control.name}}` }
}

function word(value: number): Uint8Array {
  const data = new Uint8Array(8)
  new DataView(data.buffer).setBigUint64(0, BigInt(value), true)
  return data
}
