// The part of create that changes the host, one step after the other, each with its way back. The order matters:
// what a later `delete` needs to know is on disk before the step that it would have to take back; but for init, which is
// launched first and ends by itself when nobody goes on.
import { StateError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { launch } from '../host/launch.ts'
import { sealedMemfd } from '../host/memfd.ts'
import { ownPid, pidfdOpen } from '../host/process.ts'
import { seqpacketPair } from '../host/socket.ts'
import { makeDirectory } from '../host/tree.ts'
import { WAIT_FOR_START } from '../plan/gate.ts'
import { origins, type SavedOrigins } from '../program/origins.ts'
import type { Spec } from '../spec/gen/types.ts'
import { children, endChild } from './children.ts'
import type { Compiled } from './compile.ts'
import { CONFIG_FILE, hookState, identify, NOTIFY, ORIGINS_FILE, type Status, save } from './container.ts'
import { ContainerHooks } from './container-hooks.ts'
import { firstState } from './first-state.ts'
import { INIT_ARGV, makeGate } from './gate.ts'
import { Handshake } from './handshake.ts'
import { runHooks } from './hooks.ts'
import { rootOwner, writeIdMaps } from './id-maps.ts'
import { NewGroups } from './new-groups.ts'
import { outOfMemory } from './oom.ts'
import { part } from './parts.ts'
import type { OpenNamespaces } from './rare-mounts.ts'
import type { SavedState } from './saved.ts'
import type { ContainerDirectory, Runtime } from './store.ts'
import { sendPidfd } from './terminal.ts'
import { unansweredHint } from './unanswered.ts'
import type { Undo } from './undo.ts'

const STDIO = [0, 1, 2] as const
/** Any user of the container may go there. */
const NOTIFY_MODE = 0o755
/** Numbers that are never open. */
const NO_STDIO = [-1, -1, -1] as const

export interface Parts {
  readonly runtime: Runtime
  readonly compiled: Compiled
  readonly image: Uint8Array
  readonly directory: ContainerDirectory
  readonly onMaster: (master: Fd) => void
  /** A connected socket that gets a pidfd of init. */
  readonly pidfds: Fd | undefined
  /** A connection to the agent that gets the listener of the seccomp filter. */
  readonly agent: Fd | undefined
}

export class Creation {
  readonly #parts: Parts
  readonly #undo: Undo
  readonly #spec: Spec
  #state: SavedState | undefined

  constructor(parts: Parts, undo: Undo) {
    this.#parts = parts
    this.#undo = undo
    this.#spec = parts.compiled.bundle.spec
  }

  /** The container as it is saved; its init waits at the gate. */
  run(): SavedState {
    const { compiled, directory } = this.#parts
    this.#undo.push(() => directory.remove())
    if (compiled.notify) makeDirectory(directory.fd, NOTIFY, NOTIFY_MODE)
    const groups = new NewGroups(this.#parts, this.#undo)
    using hooks = new ContainerHooks(this.#spec)
    // first of all: it has a lot to do before it needs the groups, and ends by itself if we do
    const [sync, pid] = this.#launch(hooks)
    using _closed = sync
    this.#save(firstState(directory.id, compiled))
    groups.make(change => this.#save(change))
    this.#talk(sync, pid, hooks)
    return this.#saved
  }

  get #saved(): SavedState {
    if (this.#state === undefined) throw new Error('nothing is saved yet')
    return this.#state
  }

  #save(change: SavedState | Partial<SavedState>): void {
    const next = { ...this.#state, ...change } as SavedState // the first change is a whole one
    save(this.#parts.directory, next)
    this.#state = next
  }

  /** Starts the image; our end of its socket, and its pid. */
  #launch(hooks: ContainerHooks): [Fd, number] {
    const { compiled, directory, image } = this.#parts
    const numbers = compiled.facts.descriptors
    using gate = makeGate(directory, rootOwner(this.#spec), compiled.facts.clonesMounts)
    using file = sealedMemfd(INIT_ARGV.join('-'), image)
    using namespaces = this.#mountNamespaces(numbers.userNamespaces)
    const [ours, theirs] = seqpacketPair()
    using _closed = theirs
    const pid = launch({
      image: file,
      argv: INIT_ARGV,
      // with a terminal init must not keep the caller's pipes open
      stdio: this.#spec.process.terminal ? NO_STDIO : STDIO,
      preserved: compiled.preserved,
      passed: new Map([
        [numbers.sync, theirs],
        [numbers.rootfs, compiled.rootfs.fd],
        [numbers.gate, gate],
        [numbers.hookState, hooks.state],
        [numbers.startHookState, hooks.startState],
        [numbers.hookOutput, hooks.output],
        ...(namespaces?.passed ?? []),
      ]),
    })
    const before = children() // it has not been let go: no child of its is among them
    this.#undo.push(() => {
      endChild(pid)
      // an init that this process died without telling about is a child of ours, too
      for (const child of children()) if (!before.includes(child)) endChild(child)
    })
    return [ours, pid]
  }

  #mountNamespaces(first: number): OpenNamespaces | undefined {
    const { facts, bundle } = this.#parts.compiled
    return facts.idMapped && new (part('rareMounts').OpenNamespaces)(this.#spec, bundle.path, first)
  }

  #talk(sync: Fd, pid: number, hooks: ContainerHooks): void {
    const { compiled, onMaster, pidfds } = this.#parts
    const handshake = new Handshake({
      sync,
      pid,
      forks: compiled.forks,
      origins: () => origins(compiled.ops, compiled.facts.architecture),
      handlers: {
        meanwhile: () => this.#keepCopies(),
        init: found => {
          this.#foundInit(found, hooks)
          compiled.cgroup.prepareLate(this.#spec.linux?.resources)
        },
        mapIds: mapped => writeIdMaps(mapped, this.#spec),
        network: () => this.#moveDevices(),
        hooks: () => this.#hostHooks(),
        console: onMaster,
        listener: number => this.#handListenerOver(number),
        ready: () => {
          compiled.cgroup.set(this.#spec.linux?.resources, 'late')
          hooks.setState('startContainer', () => this.#innerHookState('created'))
          this.#announce(pidfds)
        },
        // a failure undoes all, init at the gate too; should we die before, its state is told by the gate
        going: () => this.#save({ status: 'created' }),
        hookOutput: () => hooks.printed(),
        hintOf: (syscall, errno) => unansweredHint(this.#spec, syscall, errno),
        outOfMemory: () => outOfMemory(compiled.cgroup.saved),
      },
    })
    handshake.run()
  }

  /** What start and exec will need; written while init is busy. */
  #keepCopies(): void {
    const { compiled, directory } = this.#parts
    directory.add(CONFIG_FILE, compiled.bundle.text)
    directory.add(ORIGINS_FILE, JSON.stringify(originsBehindGate(compiled)))
  }

  #foundInit(found: number, hooks: ContainerHooks): void {
    const init = identify(found)
    if (init === undefined) throw new StateError(`container init ${found} is gone`)
    const { cgroup, facts, rdt } = this.#parts.compiled
    rdt?.join(found)
    const hookOutput = hooks.asked ? facts.descriptors.hookOutput : undefined
    this.#save({ init, initInCgroup: cgroup.holds(found), ...(hookOutput !== undefined && { hookOutput }) })
    hooks.setState('createContainer', () => this.#innerHookState('creating'))
  }

  #moveDevices(): void {
    part('netDevices').moveDevices(this.#initPid(), this.#spec.linux?.netDevices ?? {}, this.#undo)
  }

  #hostHooks(): void {
    const { hooks } = this.#spec
    const state = this.#hookState('creating')
    // the spec wants the poststop hooks also after a container that got no further
    const { poststop } = this.#saved.hooks
    this.#undo.pushLast(() =>
      runHooks('poststop', poststop, this.#hookState('stopped'), { onFailure: this.#parts.runtime.warn }),
    )
    const directory = this.#saved.bundle
    runHooks('prestart', hooks?.prestart, state, { directory })
    runHooks('createRuntime', hooks?.createRuntime, state, { directory })
  }

  #hookState(status: Status): string {
    return hookState(this.#saved, status)
  }

  /** For hooks in the container's namespaces. */
  #innerHookState(status: Status): string {
    return hookState(this.#saved, status, ownPid(this.#initPid()))
  }

  #handListenerOver(number: number): void {
    const { agent } = this.#parts
    if (agent === undefined) throw new Error('a listener, and no agent')
    const listener = { agent, pid: this.#initPid(), number, state: this.#hookState('creating') }
    part('seccomp').sendListener(listener, this.#spec)
  }

  #announce(pidfds: Fd | undefined): void {
    if (pidfds === undefined) return
    using pidfd = pidfdOpen(this.#initPid())
    if (pidfd !== undefined) sendPidfd(pidfds, pidfd)
  }

  #initPid(): number {
    const { init } = this.#saved
    if (init === undefined) throw new Error('init is ready, but its pid is not known')
    return init.pid
  }
}

/** Those that `start` may have to put into words; there are some hundred times as many before them. */
const originsBehindGate = ({ ops, facts }: Compiled): SavedOrigins => origins(ops, facts.architecture, WAIT_FOR_START)
