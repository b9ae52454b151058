// eBPF as far as device rules of cgroup v2 need it: bpf(2), Documentation/bpf/standardization/instruction-set.rst.
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const BPF_CMD = defineEnum('enum bpf_cmd, include/uapi/linux/bpf.h (v6.12); bpf(2)', {
  BPF_PROG_LOAD: 5n,
  BPF_PROG_ATTACH: 8n,
  BPF_PROG_DETACH: 9n,
  BPF_PROG_GET_FD_BY_ID: 13n,
  BPF_PROG_QUERY: 16n,
})

export const BPF_PROG_TYPE = defineEnum('enum bpf_prog_type, include/uapi/linux/bpf.h (v6.12)', {
  BPF_PROG_TYPE_CGROUP_DEVICE: 15n,
})

export const BPF_ATTACH_TYPE = defineEnum('enum bpf_attach_type, include/uapi/linux/bpf.h (v6.12)', {
  BPF_CGROUP_DEVICE: 6n,
})

export const BPF_F = defineFlags('include/uapi/linux/bpf.h (v6.12)', {
  BPF_F_ALLOW_OVERRIDE: 1n << 0n,
  BPF_F_ALLOW_MULTI: 1n << 1n,
  BPF_F_REPLACE: 1n << 2n,
})

/** What an opcode is put together from: class, size, mode, operation, source. */
export const BPF_CLASS = defineEnum('include/uapi/linux/bpf_common.h, bpf.h (v6.12)', {
  BPF_LD: 0x00n,
  BPF_LDX: 0x01n,
  BPF_ST: 0x02n,
  BPF_STX: 0x03n,
  BPF_ALU: 0x04n,
  BPF_JMP: 0x05n,
  BPF_JMP32: 0x06n,
  BPF_ALU64: 0x07n,
})
export const BPF_SIZE = defineEnum('include/uapi/linux/bpf_common.h, bpf.h (v6.12)', {
  BPF_W: 0x00n,
  BPF_H: 0x08n,
  BPF_B: 0x10n,
  BPF_DW: 0x18n,
})
export const BPF_MODE = defineEnum('include/uapi/linux/bpf_common.h (v6.12)', { BPF_IMM: 0x00n, BPF_MEM: 0x60n })
export const BPF_ALU_OP = defineEnum('include/uapi/linux/bpf_common.h, bpf.h (v6.12)', {
  BPF_ADD: 0x00n,
  BPF_OR: 0x40n,
  BPF_AND: 0x50n,
  BPF_LSH: 0x60n,
  BPF_RSH: 0x70n,
  BPF_MOV: 0xb0n,
})
export const BPF_JMP_OP = defineEnum('include/uapi/linux/bpf_common.h, bpf.h (v6.12)', {
  BPF_JA: 0x00n,
  BPF_JEQ: 0x10n,
  BPF_JGT: 0x20n,
  BPF_JGE: 0x30n,
  BPF_JSET: 0x40n,
  BPF_JNE: 0x50n,
  BPF_EXIT: 0x90n,
})
export const BPF_SOURCE = defineEnum('include/uapi/linux/bpf_common.h (v6.12)', { BPF_K: 0x00n, BPF_X: 0x08n })

/** One instruction; `regs` holds the destination in its low and the source in its high four bits. */
export const bpfInsn = defineStruct('struct bpf_insn, include/uapi/linux/bpf.h (v6.12)', {
  code: 'u8',
  regs: 'u8',
  off: 'u16',
  imm: 'i32',
})

/** What a device program gets: access_type is access << 16 | type. */
export const bpfCgroupDevCtx = defineStruct('struct bpf_cgroup_dev_ctx, include/uapi/linux/bpf.h (v6.12)', {
  access_type: 'u32',
  major: 'u32',
  minor: 'u32',
})
export const BPF_DEVCG_ACC = defineFlags('include/uapi/linux/bpf.h (v6.12)', {
  BPF_DEVCG_ACC_MKNOD: 1n << 0n,
  BPF_DEVCG_ACC_READ: 1n << 1n,
  BPF_DEVCG_ACC_WRITE: 1n << 2n,
})
export const BPF_DEVCG_DEV = defineEnum('include/uapi/linux/bpf.h (v6.12)', {
  BPF_DEVCG_DEV_BLOCK: 1n,
  BPF_DEVCG_DEV_CHAR: 2n,
})

/** The variant of union bpf_attr for BPF_PROG_LOAD, up to expected_attach_type. */
export const bpfProgLoad = defineStruct('union bpf_attr (BPF_PROG_LOAD), include/uapi/linux/bpf.h (v6.12)', {
  prog_type: 'u32',
  insn_cnt: 'u32',
  insns: 'u64',
  license: 'u64',
  log_level: 'u32',
  log_size: 'u32',
  log_buf: 'u64',
  kern_version: 'u32',
  prog_flags: 'u32',
  prog_name: 'u64',
  prog_name_8: 'u64',
  prog_ifindex: 'u32',
  expected_attach_type: 'u32',
})

export const bpfProgAttach = defineStruct('union bpf_attr (BPF_PROG_ATTACH), include/uapi/linux/bpf.h (v6.12)', {
  target_fd: 'u32',
  attach_bpf_fd: 'u32',
  attach_type: 'u32',
  attach_flags: 'u32',
  replace_bpf_fd: 'u32',
})

export const bpfProgQuery = defineStruct('union bpf_attr (BPF_PROG_QUERY), include/uapi/linux/bpf.h (v6.12)', {
  target_fd: 'u32',
  attach_type: 'u32',
  query_flags: 'u32',
  attach_flags: 'u32',
  prog_ids: 'u64',
  prog_cnt: 'u32',
})

/** The variant for BPF_PROG_GET_FD_BY_ID. */
export const bpfGetId = defineStruct('union bpf_attr (BPF_*_GET_*_ID), include/uapi/linux/bpf.h (v6.12)', {
  id: 'u32',
  next_id: 'u32',
  open_flags: 'u32',
})
