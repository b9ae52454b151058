// A runtime binary as its callers see it: argv, exit status, stdout, stderr. Output goes to files rather than pipes,
// because the container inherits it and would keep a pipe open.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { COMMAND } from '../src/cli/testing.ts'

export interface Result {
  readonly argv: readonly string[]
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Launched {
  readonly child: ChildProcess
  readonly ended: Promise<Result>
}

export interface StateDocument {
  readonly ociVersion: string
  readonly id: string
  readonly status: string
  readonly pid?: number
  readonly bundle: string
  readonly annotations?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 30_000
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }

export class Runtime {
  readonly name: string
  readonly root: string
  readonly #command: readonly [string, ...string[]]
  readonly #output: string
  /** A program that starts it, as nsenter(1), with its flags. */
  launcher: readonly string[] = []
  #runs = 0

  /** `binary`: undefined is this repository's tsrunc. */
  constructor(binary: string | undefined) {
    const own = binary === undefined || binary === 'tsrunc'
    this.#command = own ? COMMAND : [binary.includes('/') ? resolve(binary) : binary]
    this.name = own ? 'tsrunc' : basename(binary)
    this.#output = mkdtempSync(join(tmpdir(), 'conformance-'))
    this.root = join(this.#output, 'root')
  }

  /** Runs one command under this runtime's own --root. */
  run(args: readonly string[], globals: readonly string[] = [], cwd = '/'): Result {
    const [file, argv, options, finish] = this.#prepare(args, globals, cwd)
    const { status, error } = spawnSync(file, argv, { ...options, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' })
    if (error) throw error
    return finish(status)
  }

  /** The same without waiting. */
  launch(args: readonly string[]): Launched {
    const [file, argv, options, finish] = this.#prepare(args, [], '/')
    const child = spawn(file, argv, options)
    const ended = new Promise<Result>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', status => {
        try {
          resolve(finish(status))
        } catch (error) {
          reject(error)
        }
      })
    })
    ended.catch(() => {}) // who waits is told; a case that does not may be over, and its files gone
    return { child, ended }
  }

  #prepare(args: readonly string[], globals: readonly string[], cwd: string) {
    const [file = '', ...rest] = [...this.launcher, ...this.#command]
    const argv = [...rest, '--root', this.root, ...globals, ...args]
    const name = join(this.#output, String(this.#runs++))
    const out = openSync(`${name}.out`, 'w')
    const err = openSync(`${name}.err`, 'w')
    const options: SpawnOptions = { stdio: ['ignore', out, err], env: ENVIRONMENT, cwd }
    const finish = (status: number | null): Result => {
      for (const fd of [out, err]) closeSync(fd)
      const result = {
        argv: [file, ...argv],
        status,
        get stdout() {
          return readFileSync(`${name}.out`, 'utf8') // a container may still write to it
        },
        stderr: readFileSync(`${name}.err`, 'utf8'),
      }
      return result
    }
    return [file, argv, options, finish] as const
  }

  dispose(): void {
    rmSync(this.#output, { recursive: true, force: true })
  }
}
