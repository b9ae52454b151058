// Calls on terminals: one row a signature (signature.ts). ioctl_tty(2).
import { TTY } from '../abi/tty.ts'
import { c, choice, fd, pointer } from './signature.ts'

export const terminalCalls = {
  ioctl: c('int', 'ioctl', fd, choice(TTY), pointer),
} as const
