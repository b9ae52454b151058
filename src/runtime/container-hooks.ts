// What the hooks that run inside the container are given by the host: the state document, which the host rewrites as
// the container moves on, and a file of the state directory for what they print, which outlives create.
import { ftruncateSync, writeSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { memoryFile } from '../host/memfd.ts'
import type { Spec } from '../spec/gen/types.ts'
import { HOOK_OUTPUT_FILE } from './container.ts'
import { tail } from './hooks.ts'
import type { ContainerDirectory } from './store.ts'

const OUTPUT_MODE = 0o600

export class ContainerHooks {
  readonly state: Fd
  readonly output: Fd
  readonly #asked: boolean

  constructor(directory: ContainerDirectory, { hooks }: Spec) {
    this.#asked = Boolean(hooks?.createContainer?.length || hooks?.startContainer?.length)
    if (!this.#asked) {
      this.state = Fd.open('/dev/null', O.bits.O_RDWR)
      this.output = Fd.open('/dev/null', O.bits.O_RDWR)
      return
    }
    this.state = memoryFile('hook-state')
    const flags = O.bits.O_RDWR | O.bits.O_CREAT | O.bits.O_EXCL | O.bits.O_APPEND
    this.output = directory.fd.openAt(HOOK_OUTPUT_FILE, flags, OUTPUT_MODE)
  }

  setState(text: () => string): void {
    if (!this.#asked) return
    ftruncateSync(this.state.number, 0)
    writeSync(this.state.number, text(), 0)
  }

  /** The end of what they have printed so far. */
  printed(): string {
    return this.#asked ? tail(this.output) : ''
  }

  [Symbol.dispose](): void {
    this.state.close()
    this.output.close()
  }
}

/** The same for whoever comes later. */
export function printedByHooks(directory: ContainerDirectory): string {
  if (!directory.has(HOOK_OUTPUT_FILE)) return ''
  using output = directory.fd.openAt(HOOK_OUTPUT_FILE, O.bits.O_RDONLY | O.bits.O_NOFOLLOW)
  return tail(output)
}
