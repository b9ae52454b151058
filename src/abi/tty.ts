// Terminals: ioctl_tty(2), termios(3), pts(4). The numbers are the same on x86_64 and aarch64.
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const TTY = defineEnum('include/uapi/asm-generic/ioctls.h (v6.12); ioctl_tty(2)', {
  TCGETS: 0x5401n,
  TCSETS: 0x5402n,
  TCSETSW: 0x5403n,
  TCSETSF: 0x5404n,
  TIOCSCTTY: 0x540en,
  TIOCGPGRP: 0x540fn,
  TIOCSPGRP: 0x5410n,
  TIOCGWINSZ: 0x5413n,
  TIOCSWINSZ: 0x5414n,
  TIOCNOTTY: 0x5422n,
  TIOCGPTN: 0x80045430n,
  TIOCSPTLCK: 0x40045431n,
  TIOCGPTPEER: 0x5441n,
})

export const winsize = defineStruct('struct winsize, include/uapi/asm-generic/termios.h (v6.12); ioctl_tty(2)', {
  ws_row: 'u16',
  ws_col: 'u16',
  ws_xpixel: 'u16',
  ws_ypixel: 'u16',
})

/** The kernel's struct (TCGETS), not libc's; the array c_cc is written out, VTIME and VMIN by name. */
export const termios = defineStruct('struct termios, include/uapi/asm-generic/termbits.h (v6.12); termios(3)', {
  c_iflag: 'u32',
  c_oflag: 'u32',
  c_cflag: 'u32',
  c_lflag: 'u32',
  c_line: 'u8',
  c_cc_0: 'u8',
  c_cc_1: 'u8',
  c_cc_2: 'u8',
  c_cc_3: 'u8',
  c_cc_4: 'u8',
  c_cc_time: 'u8',
  c_cc_min: 'u8',
  c_cc_7: 'u8',
  c_cc_8: 'u8',
  c_cc_9: 'u8',
  c_cc_10: 'u8',
  c_cc_11: 'u8',
  c_cc_12: 'u8',
  c_cc_13: 'u8',
  c_cc_14: 'u8',
  c_cc_15: 'u8',
  c_cc_16: 'u8',
  c_cc_17: 'u8',
  c_cc_18: 'u8',
})

export const INPUT_MODE = defineFlags('include/uapi/asm-generic/termbits{,-common}.h (v6.12); termios(3)', {
  IGNBRK: 0x001n,
  BRKINT: 0x002n,
  PARMRK: 0x008n,
  ISTRIP: 0x020n,
  INLCR: 0x040n,
  IGNCR: 0x080n,
  ICRNL: 0x100n,
  IXON: 0x400n,
})
export const OUTPUT_MODE = defineFlags('include/uapi/asm-generic/termbits{,-common}.h (v6.12); termios(3)', {
  OPOST: 0x01n,
  ONLCR: 0x04n,
})
export const CONTROL_MODE = defineFlags('include/uapi/asm-generic/termbits{,-common}.h (v6.12); termios(3)', {
  CSIZE: 0x030n,
  CS8: 0x030n,
  PARENB: 0x100n,
})
export const LOCAL_MODE = defineFlags('include/uapi/asm-generic/termbits.h (v6.12); termios(3)', {
  ISIG: 0x0001n,
  ICANON: 0x0002n,
  ECHO: 0x0008n,
  ECHONL: 0x0040n,
  IEXTEN: 0x8000n,
})
