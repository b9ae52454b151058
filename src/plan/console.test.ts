import { writeSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import {
  type Ended,
  kernelContext,
  makingDirectory,
  mounting,
  openingShared,
  Program,
  privateMounts,
} from '../dev/stages.ts'
import type { Fd } from '../host/fd.ts'
import { isRoot, workDirectory } from '../host/testing.ts'
import { type Op, syscall } from '../program/op.ts'
import { planConsole } from './console.ts'
import { planExec } from './gate.ts'
import { planSession } from './session.ts'
import { planStdio } from './stdio.ts'

const skip = isRoot ? false : 'needs root'

t.test('listing', t => {
  const text = stageListing({ process: { terminal: true, consoleSize: { height: 24, width: 80 } } }, planConsole)
  t.equal(text, golden('console', text))
  t.notMatch(stageListing({ process: { terminal: true } }, planConsole), /TIOCSWINSZ/)
  t.equal(stageListing({ process: { consoleSize: { height: 24, width: 80 } } }, planConsole), '\n')
  const host = stageListing({ process: { terminal: true }, linux: { namespaces: [] } }, planConsole)
  t.notMatch(host, /move_mount/, 'no mount is left with the host')
  t.end()
})

const ORIGIN = { intent: 'test' }
const node = (path: string, mode: number, device: number): Op => syscall('mknodat', [-100, path, mode, device], ORIGIN)

/** A root on a tmpfs with dev/pts in it, and a shell script as the program. */
function program(t: Parameters<typeof workDirectory>[0], script: string, pts: (root: string) => Op[]): Program {
  const root = workDirectory(t)
  const consoleSize = { height: 33, width: 99 }
  const process = { terminal: true, consoleSize, user: { uid: 1000, gid: 1000 }, args: ['/bin/sh', '-c', script, root] }
  const context = kernelContext({ process })
  const before = [
    ...privateMounts(),
    mounting('tmpfs', root, 'tmpfs'),
    makingDirectory(`${root}/dev`),
    makingDirectory(`${root}/dev/pts`),
    ...pts(root),
    ...openingShared(context, root),
  ]
  const stages = [planSession, planConsole, planStdio, planExec]
  return new Program(context, [...before, ...stages.flatMap(stage => stage(context))])
}
const devpts = (root: string): Op[] => [
  mounting('devpts', `${root}/dev/pts`, 'devpts', 0n, 'newinstance,ptmxmode=0666'),
]

function readAll(master: Fd): string {
  const chunk = new Uint8Array(4096)
  let text = ''
  try {
    for (let count = master.read(chunk); count > 0; count = master.read(chunk))
      text += Buffer.from(chunk.subarray(0, count)).toString()
  } catch {
    // EIO: the last process has closed the terminal
  }
  return text
}

t.test('a terminal of the container, its master at the host', { skip }, t => {
  const script = 'read a; stty size; tty; echo got $a; stat -c "%t:%T %u" $0/dev/console; echo x >/dev/tty'
  const running = program(t, script, devpts)
  const heard = running.hear()
  t.equal(heard?.kind, 'CONSOLE')
  t.equal(heard?.fds.length, 1)
  const [master] = heard?.fds ?? []
  if (master === undefined) throw new Error('no master')
  writeSync(master.number, 'hello\n')
  const text = readAll(master)
  master.close()
  t.match(running.end(), { exitCode: 0, error: undefined, stdout: '' })
  t.match(text, '33 99\r\n')
  t.match(text, 'got hello\r\n')
  t.match(text, '88:0 1000\r\n', 'bound over /dev/console, and of the user')
  t.match(text, 'x\r\n', 'it is the controlling terminal')
  t.end()
})

t.test('what is not the multiplexer of a devpts is not asked for a terminal', { skip }, t => {
  const CHARACTER = 0o020666
  const failed = (pts: (root: string) => Op[]): Ended => program(t, 'true', pts).end()
  const forged = '/dev/pts/ptmx is not the multiplexer of a devpts'
  t.equal(failed(root => [node(`${root}/dev/pts/ptmx`, 0o010666, 0)]).error?.message, forged, 'a fifo')
  t.equal(failed(root => [node(`${root}/dev/pts/ptmx`, CHARACTER, 0x103)]).error?.message, forged, 'another device')
  t.equal(failed(root => [node(`${root}/dev/pts/ptmx`, CHARACTER, 0x502)]).error?.message, forged, 'not on a devpts')
  const link = (root: string) => [syscall('symlinkat', ['/dev/ptmx', -100, `${root}/dev/pts/ptmx`], ORIGIN)]
  t.equal(failed(link).error?.message, forged, 'a link')
  t.match(failed(() => []).error, { syscall: 'openat2', errnoName: 'ENOENT', where: '/process/terminal' })
  t.end()
})
