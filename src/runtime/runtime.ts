// Who calls: where the containers of this caller are kept, what the verbs may look at of its environment, and whom they
// tell of what went wrong beside. The place of the state directory is as with runc(8).
import { resolve } from 'node:path'
import { StateError } from '../errors.ts'
import { inUserNamespace } from '../host/user-namespace.ts'

/** Where containers are kept, and what the verbs need to know of their caller. */
export interface Runtime {
  /** The state directory, absolute. */
  readonly root: string
  /** The caller chose the root: `list` then complains when it does not exist. */
  readonly rootGiven: boolean
  /** It lies where a user's other files of the kind lie, which may be cleared of what looks old. */
  readonly rootOfUser: boolean
  /** Not allowed to make cgroups is no reason to fail, as long as nothing is asked of them. */
  readonly rootless: boolean
  /** The caller's environment, for LISTEN_FDS and NOTIFY_SOCKET; never given to containers or hooks. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Told of what went wrong without making the verb fail, such as a poststop hook. */
  warn(problem: Error): void
}

export interface RuntimeOptions {
  readonly root?: string | undefined
  /** Absent: an effective user id other than 0 is rootless, and so is the root of a user namespace. */
  readonly rootless?: boolean | undefined
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  readonly warn?: ((problem: Error) => void) | undefined
}

const DEFAULT_ROOT = '/run/tsrunc'

export function openRuntime(options: RuntimeOptions = {}): Runtime {
  const environment = options.environment ?? {}
  const ofUser = options.root ? undefined : directoryOfUser(environment)
  const root = resolve(options.root || (ofUser ? `${ofUser}/tsrunc` : DEFAULT_ROOT))
  if (root === '/') throw new StateError('Option --root argument should not be set to /')
  return {
    root,
    rootGiven: Boolean(options.root),
    rootOfUser: Boolean(ofUser),
    get rootless() {
      return options.rootless ?? (process.geteuid?.() !== 0 || inUserNamespace())
    },
    environment,
    warn: options.warn ?? (() => {}),
  }
}

/** Not root's, which may be left in the environment of a root that a user has become. Empty counts as unset. */
function directoryOfUser({ XDG_RUNTIME_DIR, USER }: Runtime['environment']): string | undefined {
  if (!XDG_RUNTIME_DIR) return undefined
  const isUser = process.geteuid?.() !== 0 || (inUserNamespace() && USER !== 'root')
  return isUser ? XDG_RUNTIME_DIR : undefined
}
