// The call of eBPF (signature.ts). bpf(2).
import { BPF_CMD } from '../abi/bpf.ts'
import { choice, kernel, pointer, size } from './signature.ts'

export const bpfCalls = {
  bpf: kernel('bpf', choice(BPF_CMD), pointer, size),
} as const
