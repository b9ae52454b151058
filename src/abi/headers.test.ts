// Compares every table of this folder with the kernel's and libc's headers of the machine, by compiling a C program
// that prints them. Names that the installed headers do not have yet are passed over.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import * as bpf from './bpf.ts'
import { CAP, CAPABILITY_VERSION_3, capData, capHeader } from './capability.ts'
import type { Struct } from './define.ts'
import * as elf from './elf.ts'
import { ERRNO } from './errno.ts'
import * as fcntl from './fcntl.ts'
import { KEY_SPEC, KEYCTL } from './keyctl.ts'
import { FSMAGIC } from './magic.ts'
import { MFD } from './memfd.ts'
import { MADV, MAP, PROT } from './mman.ts'
import * as mount from './mount.ts'
import * as net from './net.ts'
import * as netlink from './netlink.ts'
import * as prctl from './prctl.ts'
import { ARCH, EPOLL_CTL, PTRACE, userRegisters } from './ptrace.ts'
import * as resource from './resource.ts'
import { CLONE, cloneArgs } from './sched.ts'
import { IOPRIO_CLASS, IOPRIO_WHO, MPOL, MPOL_F, SCHED, SCHED_FLAG, schedAttr } from './scheduling.ts'
import { SECCOMP, SECCOMP_FILTER_FLAG, sockFprog } from './seccomp.ts'
import { AUDIT_ARCH, FILTER_OP, MAX_INSTRUCTIONS, SECCOMP_DATA, SECCOMP_RET } from './seccomp-filter.ts'
import { SIG } from './signal.ts'
import { SFD, SIG_MASK, signalfdSiginfo } from './signalfd.ts'
import * as socket from './socket.ts'
import * as stat from './stat.ts'
import { SYSCALLS } from './syscalls.ts'
import * as tty from './tty.ts'
import * as wait from './wait.ts'

type Values = Record<string, bigint | number>
interface Layout {
  readonly c: string
  readonly ours: Struct<string>
  /** Fields that C spells otherwise; null for what C does not name. */
  readonly renamed?: Record<string, string | null>
}
interface Unit {
  readonly headers: readonly string[]
  readonly macros: readonly Values[]
  /** Constants of C enums: the preprocessor can not see them, so they must exist. */
  readonly constants?: readonly Values[]
  readonly layouts: readonly Layout[]
}

const numbered = (prefix: string, table: Record<string, readonly [number | null, number | null]>): Values => {
  const column = process.arch === 'arm64' ? 1 : 0
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, row]) => {
      const value = row[column]
      return value === null || value === undefined ? [] : [[`${prefix}${name}`, value]]
    }),
  )
}
const unnamed = (struct: Struct<string>, pattern: RegExp): Record<string, null> =>
  Object.fromEntries(
    Object.keys(struct.fields)
      .filter(name => pattern.test(name))
      .map(name => [name, null]),
  )

/** An installed header may be older than this mode (Linux 6.9). */
const { MPOL_WEIGHTED_INTERLEAVE: _newer, ...headerModes } = MPOL.values

/** What only one architecture's headers have. */
const ofIntel = <T>(...rows: readonly T[]): readonly T[] => (process.arch === 'x64' ? rows : [])

/** What has no name of its own in C. */
const seccompFilter = {
  'BPF_LD | BPF_W | BPF_ABS': FILTER_OP.LOAD,
  'BPF_ALU | BPF_AND | BPF_K': FILTER_OP.AND,
  'BPF_JMP | BPF_JA': FILTER_OP.JUMP,
  'BPF_JMP | BPF_JEQ | BPF_K': FILTER_OP.IF_EQUAL,
  'BPF_JMP | BPF_JGT | BPF_K': FILTER_OP.IF_GREATER,
  'BPF_JMP | BPF_JGE | BPF_K': FILTER_OP.IF_NOT_LESS,
  'BPF_RET | BPF_K': FILTER_OP.RETURN,
  'offsetof(struct seccomp_data, nr)': SECCOMP_DATA.nr,
  'offsetof(struct seccomp_data, arch)': SECCOMP_DATA.arch,
  'offsetof(struct seccomp_data, args)': SECCOMP_DATA.args,
}

const kernel: Unit = {
  headers: [
    'ptrace',
    'auxvec',
    'mount',
    'openat2',
    'sched',
    'prctl',
    'securebits',
    'personality',
    'capability',
    'resource',
    'stat',
    'wait',
    'keyctl',
    'magic',
    'memfd',
    'close_range',
    'elf',
    'elf-em',
    'bpf',
    'seccomp',
    'filter',
    'audit',
    'poll',
    'time_types',
    'termios',
    'limits',
    'netlink',
    'rtnetlink',
    'sched/types',
    'ioprio',
    'mempolicy',
  ]
    .map(name => `linux/${name}.h`)
    .concat(ofIntel('asm/prctl.h')),
  macros: [
    PTRACE.values,
    ...ofIntel(ARCH.values),
    elf.AT.values,
    mount.MS.bits,
    mount.OPEN_TREE.bits,
    mount.MOVE_MOUNT.bits,
    mount.FSOPEN.bits,
    mount.FSMOUNT.bits,
    mount.MOUNT_ATTR.bits,
    fcntl.RESOLVE.bits,
    fcntl.CLOSE_RANGE.bits,
    CLONE.bits,
    SCHED.values,
    SCHED_FLAG.bits,
    MPOL_F.bits,
    prctl.PR.values,
    prctl.AMBIENT.values,
    prctl.SECBIT.bits,
    CAP,
    { _LINUX_CAPABILITY_VERSION_3: CAPABILITY_VERSION_3 },
    resource.RLIMIT.values,
    stat.STATX.bits,
    stat.STATX_ATTR.bits,
    stat.S.bits,
    wait.WAIT.bits,
    wait.P.values,
    wait.POLL.bits,
    KEYCTL.values,
    KEY_SPEC.values,
    FSMAGIC.values,
    MFD.bits,
    tty.TTY.values,
    tty.INPUT_MODE.bits,
    tty.OUTPUT_MODE.bits,
    tty.CONTROL_MODE.bits,
    tty.LOCAL_MODE.bits,
    elf.ET.values,
    elf.EM.values,
    elf.PT.values,
    elf.PF.bits,
    elf.SHT.values,
    elf.SHF.bits,
    bpf.BPF_F.bits,
    bpf.BPF_CLASS.values,
    bpf.BPF_SIZE.values,
    bpf.BPF_MODE.values,
    bpf.BPF_ALU_OP.values,
    bpf.BPF_JMP_OP.values,
    bpf.BPF_SOURCE.values,
    SECCOMP.values,
    SECCOMP_FILTER_FLAG.bits,
    SECCOMP_RET,
    AUDIT_ARCH,
    { BPF_MAXINSNS: MAX_INSTRUCTIONS },
    netlink.NETLINK.values,
    netlink.NETLINK_OPTION.values,
    netlink.NLMSG.values,
    netlink.NLM_F.bits,
    netlink.NLM_F_ANSWER.bits,
    netlink.RTM.values,
    netlink.IFA_F.bits,
  ],
  constants: [
    mount.FSCONFIG.values,
    prctl.PER.values,
    prctl.ADDR.bits,
    IOPRIO_CLASS.values,
    IOPRIO_WHO.values,
    headerModes,
    bpf.BPF_CMD.values,
    bpf.BPF_PROG_TYPE.values,
    bpf.BPF_ATTACH_TYPE.values,
    bpf.BPF_DEVCG_ACC.bits,
    bpf.BPF_DEVCG_DEV.values,
    seccompFilter,
    netlink.NLMSGERR_ATTR.values,
    netlink.RT_SCOPE.values,
    netlink.IFLA.values,
    netlink.IFA.values,
  ],
  layouts: [
    { c: 'struct mount_attr', ours: mount.mountAttr },
    { c: 'struct open_how', ours: fcntl.openHow },
    { c: 'struct clone_args', ours: cloneArgs },
    { c: 'struct sched_attr', ours: schedAttr },
    { c: 'struct __user_cap_header_struct', ours: capHeader },
    { c: 'capData', ours: capData, renamed: unnamed(capData, /./) },
    { c: 'struct rlimit64', ours: resource.rlimit64 },
    { c: 'struct statx', ours: stat.statx, renamed: statxNames() },
    { c: 'struct pollfd', ours: wait.pollfd },
    { c: 'struct __kernel_timespec', ours: wait.timespec },
    { c: 'struct winsize', ours: tty.winsize },
    { c: 'struct termios', ours: tty.termios, renamed: unnamed(tty.termios, /^c_cc_/) },
    { c: 'Elf64_Ehdr', ours: elf.elfHeader, renamed: unnamed(elf.elfHeader, /_padding$/) },
    { c: 'Elf64_Phdr', ours: elf.programHeader },
    { c: 'Elf64_Shdr', ours: elf.sectionHeader },
    { c: 'Elf64_Sym', ours: elf.symbol },
    { c: 'struct bpf_insn', ours: bpf.bpfInsn, renamed: { regs: null } },
    { c: 'struct sock_fprog', ours: sockFprog },
    { c: 'struct bpf_cgroup_dev_ctx', ours: bpf.bpfCgroupDevCtx },
    { c: 'struct nlmsghdr', ours: netlink.nlmsghdr },
    { c: 'struct nlattr', ours: netlink.nlattr },
    { c: 'struct ifinfomsg', ours: netlink.ifinfomsg, renamed: { padding_1: null } },
    { c: 'struct ifaddrmsg', ours: netlink.ifaddrmsg },
  ],
}

const libc: Unit = {
  headers: [
    'fcntl',
    'unistd',
    'sys/mount',
    'sys/file',
    'sys/socket',
    'signal',
    'sys/signalfd',
    'errno',
    'sys/syscall',
    'sys/ioctl',
    'net/if',
    'sys/mman',
    'sys/epoll',
    'sys/user',
    'time',
  ].map(n => `${n}.h`),
  macros: [
    fcntl.O.bits,
    fcntl.AT.bits,
    fcntl.ACCESS.bits,
    fcntl.F.values,
    fcntl.FD.bits,
    fcntl.SEAL.bits,
    fcntl.LOCK.bits,
    fcntl.SEEK.values,
    mount.UMOUNT.bits,
    socket.AF.values,
    net.SIOC.values,
    MADV.values,
    MAP.bits,
    PROT.bits,
    wait.CLOCK.values,
    socket.SOL.values,
    socket.SO.values,
    SIG,
    SIG_MASK.values,
    SFD.bits,
    { AT_FDCWD: fcntl.AT_FDCWD, AT_REMOVEDIR: fcntl.AT_REMOVEDIR, AT_EACCESS: fcntl.AT_EACCESS },
    Object.fromEntries(Object.entries(ERRNO).map(([name, [number]]) => [name, number])),
    numbered('SYS_', SYSCALLS),
  ],
  constants: [
    EPOLL_CTL.values,
    socket.SOCK.bits,
    { SCM_RIGHTS: socket.SCM.values.SCM_RIGHTS },
    socket.MSG.bits,
    net.IFF.bits,
  ],
  layouts: [
    ...ofIntel({ c: 'struct user_regs_struct', ours: userRegisters }),
    { c: 'struct iovec', ours: socket.iovec },
    { c: 'struct timeval', ours: socket.timeval },
    { c: 'struct ifreq', ours: net.ifreq, renamed: unnamed(net.ifreq, /_\d+$/) },
    { c: 'struct msghdr', ours: socket.msghdr },
    { c: 'struct cmsghdr', ours: socket.cmsghdr },
    { c: 'struct signalfd_siginfo', ours: signalfdSiginfo, renamed: unnamed(signalfdSiginfo, /^pad/) },
  ],
}

function statxNames(): Record<string, string | null> {
  const renamed: Record<string, string | null> = unnamed(stat.statx, /^spare|_reserved$/)
  for (const name of ['atime', 'btime', 'ctime', 'mtime'])
    for (const part of ['sec', 'nsec']) renamed[`stx_${name}_${part}`] = `stx_${name}.tv_${part}`
  return renamed
}

function program(unit: Unit): string {
  const print = (name: string, value = name): string => `printf("%s %lld\\n", "${name}", (long long)(${value}));`
  const names = (tables: readonly Values[]): string[] => tables.flatMap(table => Object.keys(table))
  const fields = unit.layouts.flatMap(({ c, ours, renamed = {} }) => [
    print(`sizeof ${c}`, `sizeof(${c})`),
    ...Object.keys(ours.fields).flatMap(name => {
      const spelt = renamed[name] === undefined ? name : renamed[name]
      return spelt === null ? [] : [print(`${c}.${name}`, `offsetof(${c}, ${spelt})`)]
    }),
  ])
  return [
    '#define _GNU_SOURCE',
    '#include <stdio.h>',
    '#include <stddef.h>',
    unit === kernel ? '#include <asm-generic/fcntl.h>' : '',
    ...unit.headers.map(header => `#include <${header}>`),
    unit === kernel ? 'typedef struct __user_cap_data_struct capData[2];' : '',
    'int main(void) {',
    ...names(unit.macros).flatMap(name => [`#ifdef ${name}`, print(name), '#endif']),
    ...names(unit.constants ?? []).map(name => print(name)),
    ...fields,
    '}',
  ].join('\n')
}

function expected(unit: Unit): Map<string, bigint> {
  const all = [...unit.macros, ...(unit.constants ?? [])].flatMap(table => Object.entries(table))
  const values = new Map(all.map(([name, value]) => [name, BigInt.asIntN(64, BigInt(value))]))
  for (const { c, ours } of unit.layouts) {
    values.set(`sizeof ${c}`, BigInt(ours.size))
    for (const name of Object.keys(ours.fields)) values.set(`${c}.${name}`, BigInt(ours.offset(name)))
  }
  return values
}

const compiler = spawnSync('cc', ['--version']).status === 0 ? false : 'no C compiler'

for (const [name, unit] of Object.entries({ kernel, libc }))
  t.test(`the tables equal the headers of the ${name}`, { skip: compiler }, t => {
    const directory = mkdtempSync(join(tmpdir(), 'tsrunc-abi-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const source = join(directory, 'values.c')
    writeFileSync(source, program(unit))
    execFileSync('cc', ['-w', '-O0', '-o', join(directory, 'values'), source])
    const printed = execFileSync(join(directory, 'values'), { encoding: 'utf8' }).trim().split('\n')
    const values = expected(unit)
    const wrong = printed.filter(line => {
      const at = line.lastIndexOf(' ')
      return values.get(line.slice(0, at)) !== BigInt(line.slice(at + 1))
    })
    t.same(wrong, [], 'none differs')
    t.ok(printed.length > values.size * 0.8, `${printed.length} of ${values.size} values compared`)
    t.end()
  })
