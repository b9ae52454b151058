// All processes that come from this one. It is a subreaper, so that shims, which detach themselves, and what their end
// orphans stay below it: nothing is lost sight of, nothing needs to be found by its name.
import { readdirSync, readFileSync } from 'node:fs'
import { SIG } from '../../abi/signal.ts'
import { isErrno } from '../../host/errno.ts'
import { processStat, reap, sendSignal, setSubreaper } from '../../host/process.ts'
import { sleep } from './waiting.ts'

const PATIENCE_MS = 5000

export interface Process {
  readonly pid: number
  readonly command: string
}

export class Children {
  /** Those of child_process: it waits for them itself. */
  readonly #own = new Set<number>()

  constructor() {
    setSubreaper(true)
  }

  /** To be called at once with a process that was spawned, and again when it has ended. */
  add(pid: number): void {
    this.#own.add(pid)
  }

  remove(pid: number): void {
    this.#own.delete(pid)
  }

  /** Those alive, all generations, without those that were added here. */
  strangers(): Process[] {
    this.#reapOrphans()
    return descendants()
      .filter(pid => !this.#own.has(pid) && !['Z', 'X', undefined].includes(processStat(pid)?.state))
      .map(pid => ({ pid, command: command(pid) }))
  }

  async killStrangers(): Promise<void> {
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep()) {
      const left = this.strangers()
      if (left.length === 0) return
      for (const { pid } of left) sendSignal(pid, SIG.SIGKILL)
    }
  }

  #reapOrphans(): void {
    for (const pid of descendants()) {
      const found = this.#own.has(pid) ? undefined : processStat(pid)
      if (found?.parent !== process.pid || found.state !== 'Z') continue
      try {
        reap(pid, false)
      } catch (error) {
        if (!isErrno(error, 'ECHILD')) throw error
      }
    }
  }
}

function command(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return '' // gone meanwhile
  }
}

/** Of this process. */
function descendants(): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const parent = Number.isInteger(pid) ? processStat(pid)?.parent : undefined
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const found: number[] = []
  const visit = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child)
      visit(child)
    }
  }
  visit(process.pid)
  return found
}
