// Network interfaces by ioctl: netdevice(7).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const SIOC = defineEnum('include/uapi/linux/sockios.h (v6.12); netdevice(7)', {
  SIOCGIFFLAGS: 0x8913n,
  SIOCSIFFLAGS: 0x8914n,
})

export const IFF = defineFlags('include/uapi/linux/if.h (v6.12); netdevice(7)', {
  IFF_UP: 0x1n,
  IFF_LOOPBACK: 0x8n,
  IFF_RUNNING: 0x40n,
})

/** The interface's name is 16 bytes at 0; the rest of the union is padding. */
export const ifreq = defineStruct('struct ifreq, include/uapi/linux/if.h (v6.12); netdevice(7)', {
  ifr_name: 'u64',
  ifr_name_8: 'u64',
  ifr_flags: 'u16',
  padding_24: 'u64',
  padding_32: 'u64',
})
