import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { golden, stageListing } from '../dev/golden.ts'
import { kernelContext, Program } from '../dev/stages.ts'
import { Fd } from '../host/fd.ts'
import { waitReadable } from '../host/process.ts'
import { workDirectory } from '../host/testing.ts'
import { EXEC_FIFO, MESSAGE, message } from '../program/sync.ts'
import type { Process } from '../spec/gen/types.ts'
import { planExec, planGate, planOwnGate } from './gate.ts'
import { planLimits } from './limits.ts'
import { planCloseDescriptors } from './process.ts'

t.test('listing', t => {
  const rlimits = [{ type: 'RLIMIT_NOFILE' as const, soft: 4, hard: 4 }]
  const given = { process: { args: ['/bin/sh', '-c', 'true'], rlimits }, options: { preservedFds: 1 } }
  const text = stageListing(given, planGate, planExec)
  t.equal(text, golden('gate', text))
  t.end()
})

t.test('without the right to clone mounts the gate is one as soon as there is a mount namespace', t => {
  const namespaces = [{ type: 'user' as const }, { type: 'mount' as const }]
  t.equal(stageListing({}, planOwnGate).trim(), '')
  t.equal(stageListing({ linux: { namespaces: [] }, facts: { euid: 1000 } }, planOwnGate).trim(), '')
  const text = stageListing({ linux: { namespaces }, facts: { euid: 1000 } }, planOwnGate)
  t.match(
    text,
    /open_tree\(AT_FDCWD, "\/state\/test\/gate", OPEN_TREE_CLONE\|OPEN_TREE_CLOEXEC\) = mount of the gate {2}any/,
  )
  t.match(text, /dup3\(mount of the gate, 3, O_CLOEXEC\)/)
  t.end()
})

/** A program that is ready, and the other end of its fifo. */
function ready(t: Parameters<typeof workDirectory>[0], process: Partial<Process>): { program: Program; fifo: string } {
  const directory = workDirectory(t)
  const fifo = `${directory}/${EXEC_FIFO}`
  spawnSync('mkfifo', [fifo])
  const context = kernelContext({ process })
  const stages = [planLimits, planCloseDescriptors, planGate, planExec]
  using gate = Fd.open(directory, O.bits.O_PATH | O.bits.O_DIRECTORY)
  const passed = new Map([[context.facts.descriptors.gate, gate]])
  const program = new Program(
    context,
    stages.flatMap(stage => stage(context)),
    { passed },
  )
  if (program.hear()?.kind !== 'READY') throw new Error('not ready')
  program.go()
  if (program.hear() !== undefined) throw new Error('the socket is still open')
  return { program, fifo }
}

function passed(fifo: string): Uint8Array {
  using end = Fd.open(fifo, O.bits.O_RDONLY)
  waitReadable([end], 10_000)
  return end.readAll()
}

t.test('init waits at the fifo, says that it is alive, and becomes the program', t => {
  const { program, fifo } = ready(t, { args: ['/bin/echo', 'hello'] })
  const before = readFileSync(`/proc/${program.pid}/cmdline`, 'utf8')
  t.equal(before, 'test\0', 'the program does not run yet')
  t.equal(Buffer.from(passed(fifo)).toString(), '0')
  t.match(program.end(), { exitCode: 0, stdout: 'hello\n' })
  t.end()
})

t.test('a limit of descriptors that init itself could not live with', t => {
  const rlimits = [{ type: 'RLIMIT_NOFILE' as const, soft: 3, hard: 3 }]
  const { program, fifo } = ready(t, { args: ['/bin/true'], rlimits })
  t.equal(Buffer.from(passed(fifo)).toString(), '0', 'the fifo could still be opened, and execve has come')
  program.end()
  t.end()
})

t.test('a failing execve is written to the fifo', t => {
  const { program, fifo } = ready(t, { args: ['/nope/nope'] })
  const bytes = passed(fifo)
  t.equal(bytes[0], '0'.charCodeAt(0))
  const { kind, op, value } = message.decode(bytes.subarray(1))
  t.equal(kind, MESSAGE.values.FAILED)
  t.match(program.explain(Number(op), value), {
    message: /^exec "\/nope\/nope": execve\(.*: no such file or directory$/,
    where: '/process/args',
  })
  t.equal(program.end().exitCode, 1)
  t.end()
})
