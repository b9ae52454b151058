// prctl(2): settings of the calling process, the bounding and the ambient capability set; personality(2).
import { defineEnum, defineFlags } from './define.ts'

export const PR = defineEnum('include/uapi/linux/prctl.h (v6.12); prctl(2)', {
  PR_SET_PDEATHSIG: 1n,
  PR_GET_PDEATHSIG: 2n,
  PR_GET_DUMPABLE: 3n,
  PR_SET_DUMPABLE: 4n,
  PR_GET_KEEPCAPS: 7n,
  PR_SET_KEEPCAPS: 8n,
  PR_SET_NAME: 15n,
  PR_GET_NAME: 16n,
  PR_GET_SECCOMP: 21n,
  PR_SET_SECCOMP: 22n,
  PR_CAPBSET_READ: 23n,
  PR_CAPBSET_DROP: 24n,
  PR_GET_SECUREBITS: 27n,
  PR_SET_SECUREBITS: 28n,
  PR_SET_MM: 35n,
  PR_SET_CHILD_SUBREAPER: 36n,
  PR_GET_CHILD_SUBREAPER: 37n,
  PR_SET_NO_NEW_PRIVS: 38n,
  PR_GET_NO_NEW_PRIVS: 39n,
  PR_SET_THP_DISABLE: 41n,
  PR_CAP_AMBIENT: 47n,
})

/** The second argument of PR_CAP_AMBIENT. */
export const AMBIENT = defineEnum('include/uapi/linux/prctl.h (v6.12); PR_CAP_AMBIENT(2const)', {
  PR_CAP_AMBIENT_IS_SET: 1n,
  PR_CAP_AMBIENT_RAISE: 2n,
  PR_CAP_AMBIENT_LOWER: 3n,
  PR_CAP_AMBIENT_CLEAR_ALL: 4n,
})

export const SECBIT = defineFlags('include/uapi/linux/securebits.h (v6.12); PR_SET_SECUREBITS(2const)', {
  SECBIT_NOROOT: 1n << 0n,
  SECBIT_NOROOT_LOCKED: 1n << 1n,
  SECBIT_NO_SETUID_FIXUP: 1n << 2n,
  SECBIT_NO_SETUID_FIXUP_LOCKED: 1n << 3n,
  SECBIT_KEEP_CAPS: 1n << 4n,
  SECBIT_KEEP_CAPS_LOCKED: 1n << 5n,
  SECBIT_NO_CAP_AMBIENT_RAISE: 1n << 6n,
  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED: 1n << 7n,
})

/** The execution domains that runtime-spec knows. */
export const PER = defineEnum('include/uapi/linux/personality.h (v6.12); personality(2)', {
  PER_LINUX: 0x0n,
  PER_LINUX32: 0x8n,
})

/** What personality(2) takes beside a domain. */
export const ADDR = defineFlags('include/uapi/linux/personality.h (v6.12); personality(2)', {
  ADDR_NO_RANDOMIZE: 0x40000n,
  ADDR_COMPAT_LAYOUT: 0x200000n,
})
