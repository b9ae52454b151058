// Kernel keys: keyctl(2), keyrings(7).
import { defineEnum, defineFlags } from './define.ts'

export const KEYCTL = defineEnum('include/uapi/linux/keyctl.h (v6.12); keyctl(2)', {
  KEYCTL_GET_KEYRING_ID: 0n,
  KEYCTL_JOIN_SESSION_KEYRING: 1n,
  KEYCTL_CHOWN: 4n,
  KEYCTL_SETPERM: 5n,
  KEYCTL_DESCRIBE: 6n,
})

/** Keys named by what they are for. */
export const KEY_SPEC = defineEnum('include/uapi/linux/keyctl.h (v6.12); keyctl(2)', {
  KEY_SPEC_SESSION_KEYRING: -3n,
  KEY_SPEC_USER_KEYRING: -4n,
})

export const KEY_PERMISSION = defineFlags('include/linux/key.h (v6.12); KEYCTL_SETPERM(2const)', {
  KEY_OTH_SEARCH: 0x8n,
  KEY_POS_ALL: 0x3f000000n,
  KEY_USR_VIEW: 0x10000n,
  KEY_USR_READ: 0x20000n,
  KEY_USR_WRITE: 0x40000n,
  KEY_USR_SEARCH: 0x80000n,
  KEY_USR_LINK: 0x100000n,
  KEY_USR_SETATTR: 0x200000n,
  KEY_USR_ALL: 0x3f0000n,
})
