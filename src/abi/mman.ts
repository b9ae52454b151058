// Memory of a process: madvise(2).
import { defineEnum } from './define.ts'

export const MADV = defineEnum('include/uapi/asm-generic/mman-common.h (v6.12); madvise(2)', {
  MADV_DONTNEED: 4n,
  MADV_HUGEPAGE: 14n,
})
