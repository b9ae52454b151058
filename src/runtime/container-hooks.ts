// What the hooks that run inside the container are given by the host: the state document, which the host rewrites as
// the container moves on, and a place for what they print. Both are files in memory: a hook may belong to the image,
// and must not have a file of ours to write to, or a way into the file system that it would lie on.
import { ftruncateSync, writeSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { memoryFile } from '../host/memfd.ts'
import type { Spec } from '../spec/gen/types.ts'
import type { Container } from './container.ts'
import { tail } from './hooks.ts'

export class ContainerHooks {
  readonly state: Fd
  readonly output: Fd
  readonly asked: boolean

  constructor({ hooks }: Spec) {
    this.asked = Boolean(hooks?.createContainer?.length || hooks?.startContainer?.length)
    const make = (name: string): Fd => (this.asked ? memoryFile(name) : Fd.open('/dev/null', O.bits.O_RDWR))
    this.state = make('hook-state')
    this.output = make('hook-output')
  }

  setState(text: () => string): void {
    if (!this.asked) return
    ftruncateSync(this.state.number, 0)
    writeSync(this.state.number, text(), 0)
  }

  /** The end of what they have printed so far. */
  printed(): string {
    return this.asked ? tail(this.output) : ''
  }

  [Symbol.dispose](): void {
    this.state.close()
    this.output.close()
  }
}

/** The output for whoever comes later: init holds it, and takes it along when it ends. */
export function hookOutputOf({ init, saved: { hookOutput } }: Container): Fd | undefined {
  if (init === undefined || hookOutput === undefined) return undefined
  try {
    return Fd.open(`/proc/${init.pid}/fd/${hookOutput}`, O.bits.O_RDONLY)
  } catch (error) {
    if (error instanceof SyscallError) return undefined // gone, or not to be seen: errors then lack it
    throw error
  }
}
