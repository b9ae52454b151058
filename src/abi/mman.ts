// Memory of a process: mmap(2), madvise(2).
import { defineEnum, defineFlags } from './define.ts'

export const MADV = defineEnum('include/uapi/asm-generic/mman-common.h (v6.12); madvise(2)', {
  MADV_DONTNEED: 4n,
  MADV_FREE: 8n,
  MADV_HUGEPAGE: 14n,
})

export const PROT = defineFlags('include/uapi/asm-generic/mman-common.h (v6.12); mmap(2)', {
  PROT_READ: 0x1n,
  PROT_WRITE: 0x2n,
  PROT_EXEC: 0x4n,
})

export const MAP = defineFlags('include/uapi/linux/mman.h (v6.12); mmap(2)', {
  MAP_SHARED: 0x1n,
  MAP_PRIVATE: 0x2n,
  MAP_FIXED: 0x10n,
  MAP_ANONYMOUS: 0x20n,
  MAP_NORESERVE: 0x4000n,
  MAP_POPULATE: 0x8000n,
  MAP_FIXED_NOREPLACE: 0x100000n,
})
