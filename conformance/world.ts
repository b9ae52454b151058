// What a case gets: the runtime, fresh ids, bundles in a directory of its own, and the questions that many cases ask.
// Whatever a case leaves is force-deleted behind it, and what is still there then counts as a failure of the runtime.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Bundle } from './bundle.ts'
import { leaks, sweep } from './leaks.ts'
import { PAUSE_MS, pause } from './pause.ts'
import type { Result, Runtime, StateDocument } from './runtime.ts'

const PATIENCE_MS = 10_000

let containers = 0

export class World {
  readonly runtime: Runtime
  readonly directory: string
  readonly id: string
  readonly bundle: Bundle
  readonly #ids: string[] = []
  readonly #atEnd: (() => void)[] = []

  constructor(runtime: Runtime) {
    this.runtime = runtime
    this.directory = mkdtempSync(join(tmpdir(), 'conformance-case-'))
    const { id, bundle } = this.another()
    this.id = id
    this.bundle = bundle
  }

  /** One more id with a bundle; the first is `id` and `bundle`. */
  another(): { id: string; bundle: Bundle } {
    const id = `conformance-${process.pid}-${containers++}`
    this.#ids.push(id)
    return { id, bundle: new Bundle(join(this.directory, id), id).write() }
  }

  /** The command must succeed; returns what it printed. */
  ok(...args: string[]): Result {
    const result = this.runtime.run(args)
    assert.equal(result.status, 0, `${args.join(' ')}: exit status ${result.status}, stderr: ${result.stderr}`)
    return result
  }

  /** The command must fail, and say why on stderr: what callers of runc look for, which crun never promised. */
  fails(says: RegExp | undefined, ...args: string[]): Result {
    const result = this.runtime.run(args)
    assert.notEqual(result.status, 0, `${args.join(' ')} must fail`)
    assert.notEqual(result.status, null, `${args.join(' ')} hung or was killed`)
    assert.notEqual(result.stderr, '', `${args.join(' ')} must say why it fails`)
    if (says && this.runtime.name !== 'crun') assert.match(result.stderr, says)
    return result
  }

  create(...flags: string[]): Result {
    this.bundle.write()
    return this.ok('create', '--bundle', this.bundle.path, ...flags, this.id)
  }

  createFails(says?: RegExp, ...flags: string[]): Result {
    return this.fails(says, 'create', '--bundle', this.bundle.path, ...flags, this.id)
  }

  /** Runs the script as the program, to its end, with exit status 0; what it printed. */
  output(script: string, ...flags: string[]): string {
    this.bundle.script(script).write()
    return this.ok('run', '--bundle', this.bundle.path, ...flags, this.id).stdout
  }

  /** The config as it is must be refused by create, which leaves nothing. */
  refused(says?: RegExp): void {
    this.bundle.write()
    this.createFails(says)
    this.nothingLeft()
  }

  start(): Result {
    return this.ok('start', this.id)
  }

  state(id = this.id): StateDocument {
    return JSON.parse(this.ok('state', id).stdout)
  }

  status(id = this.id): string {
    return this.state(id).status
  }

  stopped(id = this.id): void {
    this.until(`${id} is stopped`, () => this.status(id) === 'stopped')
  }

  until(what: string, holds: () => boolean): void {
    const deadline = Date.now() + PATIENCE_MS
    while (!holds()) {
      assert.ok(Date.now() < deadline, `waited in vain: ${what}`)
      pause()
    }
  }

  /** The same for a runtime that was launched: lets events arrive meanwhile. */
  async eventually(what: string, holds: () => boolean, patience = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + patience
    while (!holds()) {
      assert.ok(Date.now() < deadline, `waited in vain: ${what}`)
      await setTimeout(PAUSE_MS)
    }
  }

  /** Long enough for a program that must not run to have run. */
  wait(ms: number): void {
    for (const end = Date.now() + ms; Date.now() < end; ) pause()
  }

  /** The pid, on the host, of the program, which sleeps. */
  sleeping(): number {
    this.create()
    this.start()
    return this.state().pid ?? 0
  }

  /** Done when the case has ended, in whatever way, the last first. */
  atEnd(clean: () => void): void {
    this.#atEnd.unshift(clean)
  }

  #left() {
    return leaks(this.#ids, this.runtime.root, [this.directory])
  }

  nothingLeft(): void {
    assert.deepEqual(
      this.#left().map(({ what }) => what),
      [],
      'something was left behind',
    )
  }

  /** Returns what was left in spite of delete --force. */
  clear(): string[] {
    if (this.#left().length > 0) for (const id of this.#ids) this.runtime.run(['delete', '--force', id])
    for (const clean of this.#atEnd) clean()
    const left = this.#left()
    sweep(left)
    spawnSync('rm', ['-rf', this.directory]) // Node's own cannot remove what has a path of more than 4096 bytes
    return left.map(({ what }) => what)
  }
}
