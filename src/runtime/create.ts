// create: from a bundle to an init that waits at the gate. All that can go wrong without touching the host is done
// first; from `reserve` on every step has its way back (creation.ts), taken in reverse order on any error.
import type { Fd } from '../host/fd.ts'
import { buildImage } from '../image/build.ts'
import { type CompileOptions, compile } from './compile.ts'
import { type StateDocument, stateDocument } from './container.ts'
import { Creation } from './creation.ts'
import { checkId } from './id.ts'
import { part } from './parts.ts'
import { writePidFile } from './pid-file.ts'
import { checkPrivileges } from './rootless.ts'
import type { SavedState } from './saved.ts'
import { type Runtime, reserve } from './store.ts'
import { checkTerminal, connect, sendMaster } from './terminal.ts'
import { Undo } from './undo.ts'

export { prepared } from './parts.ts'

export interface CreateOptions extends CompileOptions {
  /** File that gets the pid of init. */
  readonly pidFile?: string | undefined
  /** Unix socket that gets the master of the terminal. */
  readonly consoleSocket?: string | undefined
  /** Unix socket that gets a pidfd of init. */
  readonly pidfdSocket?: string | undefined
}

/** What `run` asks for beside. */
export interface Attachment {
  readonly detach: boolean
  /** Takes the terminal's master in the place of a console socket. */
  readonly onMaster?: (master: Fd) => void
}

/** Leaves a container whose init waits for `start`, as a child of this process. */
export function create(runtime: Runtime, id: string, options: CreateOptions): StateDocument {
  return stateDocument(createSaved(runtime, id, options, { detach: true }), 'created')
}

/** The same; the pid of init. */
export function createContainer(runtime: Runtime, id: string, options: CreateOptions, attachment: Attachment): number {
  const { init } = createSaved(runtime, id, options, attachment)
  if (init === undefined) throw new Error('init is ready, but its pid is not known')
  return init.pid
}

function createSaved(runtime: Runtime, id: string, options: CreateOptions, attachment: Attachment): SavedState {
  checkId(id)
  const compiled = compile(runtime, id, options)
  using _rootfs = compiled.rootfs.fd
  using _cgroup = compiled.cgroup
  checkTerminal(compiled.bundle.spec.process.terminal ?? false, attachment.detach, options.consoleSocket)
  checkPrivileges(compiled.bundle.spec)
  const image = buildImage(compiled.ops, compiled.facts.architecture, compiled.facts.descriptors.sync)
  // connected early: whoever asked for it may already have gone
  using console = connect(options.consoleSocket)
  using pidfds = connect(options.pidfdSocket)
  const { spec } = compiled.bundle
  using agent = spec.linux?.seccomp && part('seccomp').connectAgent(compiled.bundle, compiled.ops)
  using directory = reserve(runtime, id)
  using undo = new Undo()
  try {
    const handOn = (master: Fd): void => {
      using _sent = master // held on, it would keep the terminal from being hung up
      if (console !== undefined) sendMaster(console, master)
    }
    const onMaster = attachment.onMaster ?? handOn
    const saved = new Creation({ runtime, compiled, image, directory, onMaster, pidfds, agent }, undo).run()
    if (options.pidFile && saved.init) writePidFile(options.pidFile, saved.init.pid)
    return saved
  } catch (error) {
    undo.run(error)
    throw error
  }
}
