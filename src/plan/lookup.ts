// Which file is the program: process.args[0] as it is when it holds a slash, else the first executable of that name in
// PATH of process.env. Looked for as the container's user, so that a missing program fails create and not start.
// The sentences are those of Go's exec.LookPath: callers of a runtime search them for the exit codes 126 and 127.
import { ACCESS, AT_EACCESS, AT_FDCWD } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import { type CallRest, fail, jump, label, type Op, type Operand, type Slot, set, syscall } from '../program/op.ts'
import { type PlanContext, slotNamed } from './context.ts'
import { searchPath } from './environment.ts'
import { kindIs, look } from './memory.ts'

/** Address of the path that was found in PATH. */
const foundSlot = (context: PlanContext): Slot => slotNamed(context, 'program')

const programName = (context: PlanContext): string => context.spec.process.args[0] ?? ''

/** What execve gets as its path. */
export const programPath = (context: PlanContext): Operand =>
  programName(context).includes('/') ? programName(context) : foundSlot(context)

export const planProgram = (context: PlanContext): Op[] =>
  programName(context).includes('/') ? checkPath(programName(context)) : searchInPath(context)

const because = (name: string, reason: string): Origin => ({
  pointer: '/process/args/0',
  intent: `exec: ${JSON.stringify(name)}: ${reason}`,
})

/** For the effective ids, and false for every file of a noexec mount. */
function executable(path: string, origin: Origin, rest: CallRest): Op {
  const args = [AT_FDCWD, path, ACCESS.bits.X_OK, AT_EACCESS]
  return syscall('faccessat2', args, origin, rest)
}

function checkPath(path: string): Op[] {
  const origin = because(path, `stat ${path}`)
  const exists = label('the program exists')
  const found = label('the program is there')
  const looked = look(AT_FDCWD, path, 0n, origin, { on: { errnos: ['ENOENT'] }, success: exists })
  return [
    looked.op,
    fail(0, because(path, `stat ${path}: no such file or directory`)),
    exists,
    fail(0, because(path, 'is a directory'), kindIs(looked, 'eq', S.bits.S_IFDIR)),
    executable(path, origin, { on: { errnos: 'any' }, success: found }),
    fail(0, because(path, 'permission denied')),
    found,
  ]
}

/** A program that is found relative to the working directory is refused, as Go does since 1.19. */
function searchInPath(context: PlanContext): Op[] {
  const name = programName(context)
  const origin = because(name, 'search $PATH')
  const found = label('found the program')
  const tries = directories(searchPath(context)).flatMap((directory, index): Op[] => {
    const path = join(directory, name)
    const next = label(`not in ${directory || '.'} (${index})`)
    const looked = look(AT_FDCWD, path, 0n, origin, { on: { errnos: 'any', to: next } })
    return [
      looked.op,
      jump(next, origin, kindIs(looked, 'eq', S.bits.S_IFDIR)),
      executable(path, origin, { on: { errnos: 'any', to: next } }),
      ...(path.startsWith('/')
        ? [set(foundSlot(context), path, origin), jump(found, origin)]
        : [fail(0, because(name, 'cannot run executable found relative to current directory'))]),
      next,
    ]
  })
  return [...tries, fail(0, because(name, 'executable file not found in $PATH')), found]
}

/** An unset or empty PATH names no directory; an empty element of a longer one is the working directory. */
const directories = (path: string | undefined): string[] => (path ? path.split(':') : [])

/** "/usr//bin/", "sh" → "/usr/bin/sh"; ".." is left to the kernel, which knows about links. */
function join(directory: string, name: string): string {
  const parts = directory.split('/').filter(part => part !== '' && part !== '.')
  return `${directory.startsWith('/') ? '/' : ''}${[...parts, name].join('/')}`
}
