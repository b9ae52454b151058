// What sigaction(2) of libc takes: glibc and musl have the same on both architectures, with room for 1,024 signals.
import { defineFlags, defineStruct } from './define.ts'

export const SA = defineFlags('include/uapi/asm-generic/signal-defs.h (v6.12); sigaction(2)', {
  SA_RESTART: 0x10000000n,
})

export const SIG_DFL = 0n
export const SIG_IGN = 1n

const mask = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`mask${i}`, 'u64'])) as Record<
  `mask${number}`,
  'u64'
>

export const sigaction = defineStruct('struct sigaction of glibc and musl; sigaction(2)', {
  handler: 'u64',
  ...mask,
  flags: 'u32',
  restorer: 'u64',
})
