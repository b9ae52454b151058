// What `features` says of seccomp: the words that a profile may use, all of which compile.ts knows, and the flags that
// this kernel takes; features-linux.md#seccomp. Of an architecture that this machine cannot run a profile may speak: its
// calls never come.
import { SECCOMP_FILTER_FLAG } from '../abi/seccomp.ts'
import { seccompFlags } from '../host/probe.ts'
import type { SeccompFeatures } from '../spec/gen/features-types.ts'
import type { Seccomp, SyscallArg, SyscallRule } from '../spec/gen/types.ts'

type Architectures = NonNullable<Seccomp['architectures']>[number]
type Flags = NonNullable<Seccomp['flags']>[number]

/** Complete by type: a word that the schema learns is missed here. */
const words = <Word extends string>(all: Readonly<Record<Word, 1>>): Word[] => Object.keys(all).sort() as Word[]

const actions = (): string[] =>
  words<SyscallRule['action']>({
    SCMP_ACT_ALLOW: 1,
    SCMP_ACT_ERRNO: 1,
    SCMP_ACT_KILL: 1,
    SCMP_ACT_KILL_PROCESS: 1,
    SCMP_ACT_KILL_THREAD: 1,
    SCMP_ACT_LOG: 1,
    SCMP_ACT_NOTIFY: 1,
    SCMP_ACT_TRACE: 1,
    SCMP_ACT_TRAP: 1,
  })

const operators = (): string[] =>
  words<SyscallArg['op']>({
    SCMP_CMP_EQ: 1,
    SCMP_CMP_GE: 1,
    SCMP_CMP_GT: 1,
    SCMP_CMP_LE: 1,
    SCMP_CMP_LT: 1,
    SCMP_CMP_MASKED_EQ: 1,
    SCMP_CMP_NE: 1,
  })

const architectures = (): string[] =>
  words<Architectures>({
    SCMP_ARCH_AARCH64: 1,
    SCMP_ARCH_ARM: 1,
    SCMP_ARCH_LOONGARCH64: 1,
    SCMP_ARCH_M68K: 1,
    SCMP_ARCH_MIPS: 1,
    SCMP_ARCH_MIPS64: 1,
    SCMP_ARCH_MIPS64N32: 1,
    SCMP_ARCH_MIPSEL: 1,
    SCMP_ARCH_MIPSEL64: 1,
    SCMP_ARCH_MIPSEL64N32: 1,
    SCMP_ARCH_PARISC: 1,
    SCMP_ARCH_PARISC64: 1,
    SCMP_ARCH_PPC: 1,
    SCMP_ARCH_PPC64: 1,
    SCMP_ARCH_PPC64LE: 1,
    SCMP_ARCH_RISCV64: 1,
    SCMP_ARCH_S390: 1,
    SCMP_ARCH_S390X: 1,
    SCMP_ARCH_SH: 1,
    SCMP_ARCH_SHEB: 1,
    SCMP_ARCH_X32: 1,
    SCMP_ARCH_X86: 1,
    SCMP_ARCH_X86_64: 1,
  })

const flags = (): Flags[] =>
  words<Flags>({
    SECCOMP_FILTER_FLAG_LOG: 1,
    SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1,
    SECCOMP_FILTER_FLAG_TSYNC: 1,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 1,
  })

export function seccompFeatures(): SeccompFeatures {
  const supported = seccompFlags()
  return {
    enabled: true,
    actions: actions(),
    operators: operators(),
    archs: architectures(),
    knownFlags: flags(),
    supportedFlags: flags().filter(flag => (supported & SECCOMP_FILTER_FLAG.bits[flag]) !== 0n),
  }
}
