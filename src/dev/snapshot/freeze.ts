// Starts an executable that warms up and stops (src/cli/snapshot.ts), and reads what a snapshot needs. Its addresses are
// where no process with random ones has anything: without randomization, mappings growing upwards from a third of the
// address space. ptrace(2), proc_pid_maps(5), proc_pid_pagemap(5), proc_pid_fdinfo(5).
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs'
import { O } from '../../abi/fcntl.ts'
import { ADDR } from '../../abi/prctl.ts'
import { PTRACE, PTRACE_O, userRegisters } from '../../abi/ptrace.ts'
import { RLIMIT, rlimit64 } from '../../abi/resource.ts'
import { SIG } from '../../abi/signal.ts'
import { WAIT } from '../../abi/wait.ts'
import { resourceLimit } from '../../host/identity.ts'
import { processCalls } from '../../host/libc-processes.ts'
import { processStat, sendSignal } from '../../host/process.ts'
import { kernel, number, pointer, word } from '../../host/signature.ts'
import type { Area, Content, EventLoop, Frozen, Registers } from './frozen.ts'
import { REGISTERS } from './frozen.ts'
import { linesAbout, scrub } from './scrub.ts'

const PAGE = 4096
/** Pages of zeros between two pages of something that are kept with them: a mapping costs as much. */
const GAP = 16
/** The process's own descriptors begin here, so that the lower ones are its callers'. */
const FIRST_DESCRIPTOR = 200
/** What personality(2) takes as a question. */
const ASK = 0xffffffffn
const PATIENCE_MS = 60_000
/** Bytes that its stack may have, whatever the limit of who builds. */
const STACK = 8n << 20n
const PAUSE_MS = 2
const PAUSE = new Int32Array(new SharedArrayBuffer(4))

const calls = {
  ptrace: kernel('ptrace', word, number, word, pointer),
  personality: kernel('personality', word),
}

/** `isKept`: whether an executable's own segment has what is at this address. The process is ended. */
export function freeze(executable: string, isKept: (address: bigint) => boolean): Frozen {
  const pid = start(executable)
  try {
    const registers = stopped(pid)
    const threads = readdirSync(`/proc/${pid}/task`).map(id =>
      readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim(),
    )
    if (threads.length !== 1) throw new Error(`threads, of which one could go on: ${threads.join(', ')}`)
    const areas = readAreas(pid).filter(({ address }) => !isKept(address))
    const memory = openSync(`/proc/${pid}/mem`, 'r')
    const pagemap = openSync(`/proc/${pid}/pagemap`, 'r')
    try {
      const contents = areas.flatMap(area => [...contentsOf(area, memory, pagemap)])
      scrub(contents, linesAbout(pid))
      return { registers, areas, contents, eventLoop: readEventLoop(pid) }
    } finally {
      closeSync(memory)
      closeSync(pagemap)
    }
  } finally {
    end(pid)
  }
}

/** A process that has been waited for already is not of ours any more, and its pid somebody else's, perhaps. */
function end(pid: number): void {
  if (processStat(pid)?.parent === process.pid && sendSignal(pid, SIG.SIGKILL)) waitFor(pid)
}

function start(executable: string): number {
  const own = BigInt(calls.personality(ASK))
  const nothing = openSync('/dev/null', 'r+')
  const stack = resourceLimit('RLIMIT_STACK')
  setStackLimit(STACK, stack.hard)
  calls.personality(own | ADDR.bits.ADDR_NO_RANDOMIZE | ADDR.bits.ADDR_COMPAT_LAYOUT)
  try {
    const stdio = Array.from({ length: FIRST_DESCRIPTOR }, () => nothing)
    const child = spawn(executable, [], { stdio, env: {}, cwd: '/' })
    child.on('error', () => {}) // told by the pid that is missing
    child.unref()
    if (child.pid === undefined) throw new Error(`${executable} does not start`)
    try {
      calls.ptrace(PTRACE.values.PTRACE_SEIZE, child.pid, 0, PTRACE_O.bits.PTRACE_O_EXITKILL)
    } catch (error) {
      end(child.pid)
      throw error
    }
    return child.pid
  } finally {
    calls.personality(own)
    setStackLimit(stack.soft, stack.hard)
    closeSync(nothing)
  }
}

const setStackLimit = (soft: bigint, hard: bigint): unknown =>
  processCalls.prlimit(0, RLIMIT.values.RLIMIT_STACK, rlimit64.encode({ rlim_cur: soft, rlim_max: hard }), null)

/** Whether this process has a descriptor of that number which programs that it starts get, too: proc_pid_fdinfo(5). */
function isInherited(fd: number): boolean {
  const path = `/proc/self/fdinfo/${fd}`
  if (!existsSync(path)) return false
  const [, flags = ''] = /^flags:\s+(\d+)/m.exec(readFileSync(path, 'utf8')) ?? []
  return (BigInt(`0o${flags}`) & O.bits.O_CLOEXEC) === 0n
}

/** wait4(2): the status of a process that has changed. */
function waitFor(pid: number): number {
  const status = new Int32Array(1)
  const { __WALL, WNOHANG } = WAIT.bits
  for (const end = Date.now() + PATIENCE_MS; ; Atomics.wait(PAUSE, 0, 0, PAUSE_MS)) {
    if (processCalls.wait4(pid, new Uint8Array(status.buffer), __WALL | WNOHANG, null) !== 0) return status[0] ?? 0
    if (Date.now() > end) throw new Error(`the executable does not stop within ${PATIENCE_MS / 1000} s`)
  }
}

const STOPPED = 0x7f

/** Its registers, once it has stopped itself. Other signals reach it. */
function stopped(pid: number): Registers {
  for (;;) {
    const status = waitFor(pid)
    if ((status & 0xff) !== STOPPED)
      throw new Error(`the executable has ended with wait status ${status} instead of stopping`)
    const signal = (status >> 8) & 0xff
    if (signal === SIG.SIGSTOP) break
    calls.ptrace(PTRACE.values.PTRACE_CONT, pid, 0, BigInt(status >> 16 ? 0 : signal))
  }
  const bytes = new Uint8Array(userRegisters.size)
  calls.ptrace(PTRACE.values.PTRACE_GETREGS, pid, 0, bytes)
  const all = userRegisters.decode(bytes)
  return Object.fromEntries(REGISTERS.map(name => [name, all[name]])) as Record<(typeof REGISTERS)[number], bigint>
}

interface Mapping extends Area {
  readonly isShared: boolean
  readonly name: string
}

const MAPPING = /^(?<from>[0-9a-f]+)-(?<to>[0-9a-f]+) (?<r>.)(?<w>.)(?<x>.)(?<share>.) \S+ \S+ \d+ *(?<name>.*)$/

function readAreas(pid: number): Mapping[] {
  const mappings = readFileSync(`/proc/${pid}/maps`, 'utf8').trimEnd().split('\n').map(mappingOf)
  const own = mappings.filter(({ name }) => !/^\[(vdso|vvar.*|vsyscall)\]$/.test(name))
  const shared = own.find(({ isShared }) => isShared)
  if (shared !== undefined) throw new Error(`shared memory cannot be part of a snapshot: ${shared.name}`)
  return own.map(mapping => (mapping.name === '[stack]' ? grown(mapping) : mapping))
}

function mappingOf(line: string): Mapping {
  const { from, to, r, w, x, share, name = '' } = MAPPING.exec(line)?.groups ?? {}
  if (from === undefined || to === undefined) throw new Error(`not a line of maps: ${line}`)
  const address = BigInt(`0x${from}`)
  const protection = (r === 'r' ? 1n : 0n) | (w === 'w' ? 2n : 0n) | (x === 'x' ? 4n : 0n)
  return { address, length: BigInt(`0x${to}`) - address, protection, isShared: share === 's', name }
}

/** As large as the stack might have become: in another place of the same process it does not grow. */
const grown = (stack: Mapping): Mapping => ({
  ...stack,
  address: stack.address + stack.length - STACK,
  length: STACK,
})

/** Runs of pages that are not zero. */
function* contentsOf(area: Mapping, memory: number, pagemap: number): Generator<Content> {
  if (area.protection === 0n) return
  let [first, end] = [-1, -1]
  const content = (): Content => {
    const [address, length] = [area.address + BigInt(first * PAGE), (end - first) * PAGE]
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += PAGE) readPage(memory, address + BigInt(at), bytes.subarray(at, at + PAGE))
    return { address, length: BigInt(length), protection: area.protection, bytes }
  }
  for (const page of pagesOf(area, memory, pagemap)) {
    if (first >= 0 && page > end + GAP) {
      yield content()
      first = -1
    }
    if (first < 0) first = page
    end = page + 1
  }
  if (first >= 0) yield content()
}

const isFile = ({ name }: Mapping): boolean => name.startsWith('/')
/** Bits of an entry: in memory, swapped. */
const PRESENT = 3n << 62n
const ENTRIES = 4096

/** The numbers of an area's pages that have something in them. */
function* pagesOf(area: Mapping, memory: number, pagemap: number): Generator<number> {
  const count = Number(area.length) / PAGE
  const page = new Uint8Array(PAGE)
  const entries = new BigUint64Array(ENTRIES)
  for (let i = 0; i < count; i++) {
    if (i % ENTRIES === 0) readSync(pagemap, entries, 0, ENTRIES * 8, (area.address / BigInt(PAGE) + BigInt(i)) * 8n)
    if (!isFile(area) && ((entries[i % ENTRIES] ?? 0n) & PRESENT) === 0n) continue
    if (readPage(memory, area.address + BigInt(i * PAGE), page) && page.some(byte => byte !== 0)) yield i
  }
}

/** False for what lies behind the end of a file. */
function readPage(memory: number, address: bigint, into: Uint8Array): boolean {
  try {
    return readSync(memory, into, 0, PAGE, address) === PAGE
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return false
    throw error
  }
}

/** Of what the process has opened itself, nothing but an event loop may be left: not what it got from its starter. */
function readEventLoop(pid: number): EventLoop {
  const own = readdirSync(`/proc/${pid}/fd`)
    .map(Number)
    .filter(fd => fd >= FIRST_DESCRIPTOR && !isInherited(fd))
  const links = new Map(own.map(fd => [readlinkSync(`/proc/${pid}/fd/${fd}`), fd]))
  const [epoll, eventfd] = [links.get('anon_inode:[eventpoll]'), links.get('anon_inode:[eventfd]')]
  if (epoll === undefined || eventfd === undefined || own.length !== 2)
    throw new Error(`unexpected descriptors: ${[...links].map(([link, fd]) => `${fd} ${link}`).join(', ')}`)
  const info = readFileSync(`/proc/${pid}/fdinfo/${epoll}`, 'utf8')
  const targets = [...info.matchAll(/^tfd: +(\d+) events: +([0-9a-f]+) data: +([0-9a-f]+)/gm)]
  const [[, fd = '', events = '', data = ''] = []] = targets
  if (targets.length !== 1 || Number(fd) !== eventfd) throw new Error(`an event loop of another kind: ${info}`)
  return { epoll, eventfd, events: Number.parseInt(events, 16), data: BigInt(`0x${data}`) }
}
