// For the tests of this folder only: places to work in, errors as values, what this process has open.
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Test {
  teardown(work: () => void): void
}

/** A directory that is removed after the test. */
export function workDirectory(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'tsrunc-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A directory that may be touched, beside one that must not be. */
export function places(t: Test): { inside: string; outside: string } {
  const dir = workDirectory(t)
  const [inside, outside] = [join(dir, 'inside'), join(dir, 'outside')]
  mkdirSync(inside)
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'secret')
  return { inside, outside }
}

/** What a function throws. */
export function thrown(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** How many descriptors this process has; the one used to look counts each time. */
export const openDescriptors = (): number => readdirSync('/proc/self/fd').length

/** Whether a number is an open descriptor. */
export function isOpen(number: number): boolean {
  try {
    readlinkSync(`/proc/self/fd/${number}`)
    return true
  } catch {
    return false
  }
}

export const isRoot = process.geteuid?.() === 0
