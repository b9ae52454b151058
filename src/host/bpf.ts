// eBPF programs that decide which devices a cgroup may use: loading, attaching, detaching, listing. bpf(2).
import {
  BPF_ATTACH_TYPE,
  BPF_CMD,
  BPF_F,
  BPF_PROG_TYPE,
  bpfGetId,
  bpfInsn,
  bpfProgAttach,
  bpfProgLoad,
  bpfProgQuery,
} from '../abi/bpf.ts'
import { SyscallError } from '../errors.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { bpfCalls } from './libc-bpf.ts'
import { type Memory, withMemory } from './memory.ts'

const { BPF_CGROUP_DEVICE } = BPF_ATTACH_TYPE.values
const LICENSE = 'Apache' // no GPL-only helper is called
const LOG_SIZE = 256 * 1024
const MAX_PROGRAMS = 64
/** The verifier gives up with EAGAIN when a signal arrives. */
const MOST_TRIES = 10

/** Loads a program given as its instructions; a refusal by the verifier comes with what it said. */
export function loadDeviceProgram(instructions: Uint8Array): Fd {
  return withMemory(memory => {
    try {
      return Fd.adopt(load(memory, instructions))
    } catch (error) {
      if (!isErrno(error, 'EINVAL', 'EACCES', 'E2BIG')) throw error
      throw withVerifierLog(memory, instructions, error)
    }
  })
}

function load(memory: Memory, instructions: Uint8Array, log?: { address: bigint; bytes: Uint8Array }): number {
  const attributes = bpfProgLoad.encode({
    prog_type: BPF_PROG_TYPE.values.BPF_PROG_TYPE_CGROUP_DEVICE,
    insn_cnt: instructions.length / bpfInsn.size,
    insns: memory.put(instructions),
    license: memory.string(LICENSE),
    expected_attach_type: BPF_CGROUP_DEVICE,
    ...(log ? { log_level: 1, log_size: log.bytes.length, log_buf: log.address } : {}),
  })
  for (let tries = 1; ; tries++)
    try {
      return call('BPF_PROG_LOAD', attributes)
    } catch (error) {
      if (tries === MOST_TRIES || !isErrno(error, 'EAGAIN')) throw error
    }
}

/** The log costs the kernel time, so it is asked for only when the first try was refused. */
function withVerifierLog(memory: Memory, instructions: Uint8Array, cause: SyscallError): SyscallError {
  const log = memory.reserve(LOG_SIZE)
  try {
    Fd.adopt(load(memory, instructions, log)).close()
    return cause
  } catch {
    const text = Buffer.from(log.bytes.subarray(0, log.bytes.indexOf(0))).toString()
    const last = text.trim().split('\n').slice(-3).join(' | ')
    const args = ['BPF_PROG_LOAD', `${instructions.length / bpfInsn.size} instructions`]
    const verifier = last === '' ? [] : [`verifier: ${last}`]
    return new SyscallError({ syscall: 'bpf', args: [...args, ...verifier], errno: cause.errno, cause: text })
  }
}

/** Adds a program to a cgroup's; all programs of a group and of its parents must allow an access. */
export function attachDeviceProgram(cgroup: Fd, program: Fd): void {
  const attributes = bpfProgAttach.encode({
    target_fd: cgroup.number,
    attach_bpf_fd: program.number,
    attach_type: BPF_CGROUP_DEVICE,
    attach_flags: BPF_F.bits.BPF_F_ALLOW_MULTI,
  })
  call('BPF_PROG_ATTACH', attributes)
}

export function detachDeviceProgram(cgroup: Fd, program: Fd): void {
  const attributes = bpfProgAttach.encode({
    target_fd: cgroup.number,
    attach_bpf_fd: program.number,
    attach_type: BPF_CGROUP_DEVICE,
  })
  call('BPF_PROG_DETACH', attributes)
}

/** The ids of the programs attached to a cgroup itself, in their order. */
export function devicePrograms(cgroup: Fd): number[] {
  return withMemory(memory => {
    const ids = memory.reserve(MAX_PROGRAMS * 4)
    const attributes = bpfProgQuery.encode({
      target_fd: cgroup.number,
      attach_type: BPF_CGROUP_DEVICE,
      prog_ids: ids.address,
      prog_cnt: MAX_PROGRAMS,
    })
    call('BPF_PROG_QUERY', attributes)
    const count = Number(bpfProgQuery.decode(attributes).prog_cnt) // the kernel writes it back
    const view = new DataView(ids.bytes.buffer, ids.bytes.byteOffset)
    return Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true))
  })
}

/** A loaded program by its id. */
export const deviceProgram = (id: number): Fd => Fd.adopt(call('BPF_PROG_GET_FD_BY_ID', bpfGetId.encode({ id })))

const call = (command: keyof typeof BPF_CMD.values, attributes: Uint8Array): number =>
  bpfCalls.bpf(BPF_CMD.values[command], attributes, attributes.length)
