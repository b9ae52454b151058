// Files in memory: memfd_create(2). Their seals are in fcntl.ts.
import { defineFlags } from './define.ts'

export const MFD = defineFlags('include/uapi/linux/memfd.h (v6.12); memfd_create(2)', {
  MFD_CLOEXEC: 0x1n,
  MFD_ALLOW_SEALING: 0x2n,
  MFD_HUGETLB: 0x4n,
  MFD_NOEXEC_SEAL: 0x8n, // since 6.3
  MFD_EXEC: 0x10n, // since 6.3
})
