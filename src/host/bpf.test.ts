import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BPF_ALU_OP, BPF_CLASS, BPF_JMP_OP, bpfInsn } from '../abi/bpf.ts'
import { O } from '../abi/fcntl.ts'
import { SIG } from '../abi/signal.ts'
import { attachDeviceProgram, detachDeviceProgram, deviceProgram, devicePrograms, loadDeviceProgram } from './bpf.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { launch } from './launch.ts'
import { mountEntries } from './mountinfo.ts'
import { reap, sendSignal } from './process.ts'
import { isRoot, openDescriptors, thrown } from './testing.ts'

const { O_DIRECTORY, O_RDONLY } = O.bits
const unified = mountEntries().find(({ type }) => type === 'cgroup2')?.mountPoint
const skip = !isRoot || unified === undefined ? 'needs root and a mounted cgroup2' : false

/** r0 = answer; exit */
const program = (answer: number): Uint8Array =>
  Buffer.concat([
    bpfInsn.encode({ code: BPF_CLASS.values.BPF_ALU64 | BPF_ALU_OP.values.BPF_MOV, imm: answer }),
    bpfInsn.encode({ code: BPF_CLASS.values.BPF_JMP | BPF_JMP_OP.values.BPF_EXIT }),
  ])

t.test('a program is attached, found, obeyed and detached', { skip }, t => {
  const before = openDescriptors()
  const path = join(unified ?? '', `tsrunc-test-${process.pid}`)
  mkdirSync(path)
  t.teardown(() => rmdirSync(path))
  {
    using cgroup = Fd.open(path, O_RDONLY | O_DIRECTORY)
    t.same(devicePrograms(cgroup), [])
    using deny = loadDeviceProgram(program(0))
    attachDeviceProgram(cgroup, deny)
    const ids = devicePrograms(cgroup)
    t.equal(ids.length, 1)
    t.equal(canReadZero(path), false)
    using found = deviceProgram(ids[0] ?? 0)
    detachDeviceProgram(cgroup, found)
    t.same(devicePrograms(cgroup), [])
    t.equal(canReadZero(path), true)
    t.match(thrown(() => detachDeviceProgram(cgroup, deny)).message, /^bpf\(BPF_PROG_DETACH, /)
  }
  t.equal(openDescriptors(), before)
  t.end()
})

/** Whether a process in that group can open a device. */
function canReadZero(cgroup: string): boolean {
  using image = Fd.open('/bin/sh', O_RDONLY)
  const argv = ['sh', '-c', `echo $$ >${cgroup}/cgroup.procs || exit 3; exec </dev/zero || exit 1; exit 0`]
  using quiet = Fd.open('/dev/null', O.bits.O_RDWR)
  const pid = launch({ image, argv, stdio: [0, 1, quiet.number], preserved: 0, passed: new Map() })
  const status = reap(pid, true)
  if (status?.exitCode === undefined || status.exitCode === 3) {
    sendSignal(pid, SIG.SIGKILL)
    throw new Error(`the process did not get into its group: ${JSON.stringify(status)}`)
  }
  return status.exitCode === 0
}

t.test('a refusal says why', { skip }, t => {
  const unset = program(0).subarray(bpfInsn.size) // exit without an answer
  const error = thrown(() => loadDeviceProgram(unset))
  t.ok(isErrno(error, 'EACCES'))
  t.match(error.message, /^bpf\(BPF_PROG_LOAD, 1 instructions, verifier: .*R0 !read_ok.*\): permission denied$/)
  t.end()
})
