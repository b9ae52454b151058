// Terminals on our side: raw mode of the caller's terminal, window sizes, the name behind a pty master.
// ioctl_tty(2), termios(3), pts(4).
import { CONTROL_MODE, INPUT_MODE, LOCAL_MODE, OUTPUT_MODE, TTY, termios, winsize } from '../abi/tty.ts'
import { isErrno } from './errno.ts'
import type { Fd } from './fd.ts'
import { terminalCalls } from './libc-terminals.ts'

/** A descriptor of ours, or the number of one that belongs to the host program (stdio). */
type Terminal = Fd | number

/** What a terminal was set to; opaque to whoever keeps it. */
export type SavedTerminal = Uint8Array

export interface WindowSize {
  readonly rows: number
  readonly columns: number
}

const numberOf = (terminal: Terminal): number => (typeof terminal === 'number' ? terminal : terminal.number)
const union = (table: { readonly bits: Readonly<Record<string, bigint>> }): bigint =>
  Object.values(table.bits).reduce((all, bit) => all | bit, 0n)

export function isTerminal(terminal: Terminal): boolean {
  try {
    settings(terminal)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOTTY', 'EBADF', 'EINVAL')) return false
    throw error
  }
}

function settings(terminal: Terminal): Uint8Array {
  const bytes = new Uint8Array(termios.size)
  terminalCalls.ioctl(numberOf(terminal), TTY.values.TCGETS, bytes)
  return bytes
}

/** Bytes pass unchanged in both directions from now on; what it was before, for restoreTerminal. */
export function makeRaw(terminal: Terminal): SavedTerminal {
  const saved = settings(terminal)
  const old = termios.decode(saved)
  const raw = termios.encode({
    ...old,
    c_iflag: old.c_iflag & ~union(INPUT_MODE),
    c_oflag: old.c_oflag & ~OUTPUT_MODE.bits.OPOST,
    c_cflag: (old.c_cflag & ~(CONTROL_MODE.bits.CSIZE | CONTROL_MODE.bits.PARENB)) | CONTROL_MODE.bits.CS8,
    c_lflag: old.c_lflag & ~union(LOCAL_MODE),
    c_cc_time: 0n,
    c_cc_min: 1n,
  })
  terminalCalls.ioctl(numberOf(terminal), TTY.values.TCSETS, raw)
  return saved
}

/** A terminal that has been hung up meanwhile needs no restoring. */
export function restoreTerminal(terminal: Terminal, saved: SavedTerminal): void {
  try {
    terminalCalls.ioctl(numberOf(terminal), TTY.values.TCSETSW, saved)
  } catch (error) {
    if (!isErrno(error, 'EIO', 'ENOTTY', 'EBADF')) throw error
  }
}

export function windowSize(terminal: Terminal): WindowSize {
  const bytes = new Uint8Array(winsize.size)
  terminalCalls.ioctl(numberOf(terminal), TTY.values.TIOCGWINSZ, bytes)
  const { ws_row: rows, ws_col: columns } = winsize.decode(bytes)
  return { rows: Number(rows), columns: Number(columns) }
}

export function setWindowSize(terminal: Terminal, size: WindowSize): void {
  const bytes = winsize.encode({ ws_row: size.rows, ws_col: size.columns })
  terminalCalls.ioctl(numberOf(terminal), TTY.values.TIOCSWINSZ, bytes)
}

/** "/dev/pts/3", as seen where that devpts is mounted on /dev/pts. */
export function ptyName(master: Fd): string {
  const index = new Uint8Array(4)
  terminalCalls.ioctl(master.number, TTY.values.TIOCGPTN, index)
  return `/dev/pts/${new DataView(index.buffer).getUint32(0, true)}`
}

/** Lets the other side of a new pty be opened. */
export function unlockPty(master: Fd): void {
  terminalCalls.ioctl(master.number, TTY.values.TIOCSPTLCK, new Uint8Array(4))
}
