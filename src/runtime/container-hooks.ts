// What the hooks that run inside the container are given by the host: the state document, one for each kind of hook
// since its status differs, and a place for what they print. All are files in memory: a hook may belong to the image,
// and must not have a file of ours to write to, or a way into the file system that it would lie on. Documents are
// sealed: root of the container could write to any other kind of file, and the next hook would read that.
import { O } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { memoryFile, sealContent } from '../host/memfd.ts'
import type { Spec } from '../spec/gen/types.ts'
import type { Container } from './container.ts'
import { tail } from './hooks.ts'

const KINDS = ['createContainer', 'startContainer'] as const
type InnerHook = (typeof KINDS)[number]

export class ContainerHooks {
  readonly state: Fd
  /** The same unless both kinds are asked for. */
  readonly startState: Fd
  readonly output: Fd
  readonly asked: boolean

  readonly #kinds: readonly InnerHook[]

  constructor({ hooks }: Spec) {
    this.#kinds = KINDS.filter(kind => hooks?.[kind]?.length)
    this.asked = this.#kinds.length > 0
    this.state = this.asked ? memoryFile('hook-state') : Fd.open('/dev/null', O.bits.O_RDWR)
    this.startState = this.#kinds.length === KINDS.length ? memoryFile('hook-state') : this.state
    this.output = this.asked ? memoryFile('hook-output') : this.state
  }

  /** Before the first hook of this kind, and once. */
  setState(kind: InnerHook, text: () => string): void {
    if (!this.#kinds.includes(kind)) return
    const file = kind === 'createContainer' ? this.state : this.startState
    file.write(text())
    sealContent(file)
  }

  /** The end of what they have printed so far. */
  printed(): string {
    return this.asked ? tail(this.output) : ''
  }

  [Symbol.dispose](): void {
    this.state.close()
    this.startState.close()
    this.output.close()
  }
}

/** The output for whoever comes later: init holds it, and takes it along when it ends. */
export function hookOutputOf(container: Container): Fd | undefined {
  const { hookOutput } = container.saved
  const init = hookOutput === undefined ? undefined : container.init
  if (init === undefined) return undefined
  try {
    return Fd.open(`/proc/${init.pid}/fd/${hookOutput}`, O.bits.O_RDONLY)
  } catch (error) {
    if (error instanceof SyscallError) return undefined // gone, or not to be seen: errors then lack it
    throw error
  }
}
