// NOTIFY_SOCKET: a service manager that has started us as a service of Type=notify wants to hear when the container is
// ready. The container gets a socket of ours at /run/notify; what it says there is handed on by notify-proxy.ts, which
// is loaded only when there is such a variable. As runc: create makes the place, start opens the socket.
// Document: sd_notify(3).
import type { Facts } from '../plan/facts.ts'
import type { Op } from '../program/op.ts'
import type { Mount, Spec } from '../spec/gen/types.ts'
import { type Container, NOTIFY, NOTIFY_SOCKET } from './container.ts'
import type { NotifyProxy } from './notify-proxy.ts'
import type { Runtime } from './store.ts'

type Proxies = typeof import('./notify-proxy.ts')
let proxies: Proxies | undefined

export function provideProxies(loaded: Proxies): void {
  proxies = loaded
}

/** To be called before `start` and `run` by whoever has not got them all from the beginning. */
export async function loadProxies({ environment }: Runtime): Promise<void> {
  if (environment.NOTIFY_SOCKET) proxies ??= await import('./notify-proxy.ts')
}

const INSIDE = '/run/notify'

/** Whether a container that is created now gets a socket. */
export const wantsNotify = ({ environment }: Runtime, { linux }: Spec): boolean =>
  Boolean(environment.NOTIFY_SOCKET) && linux?.namespaces?.some(({ type }) => type === 'mount') === true

/** One mount more: the socket can be used, and not replaced, inside. */
export function withNotify(spec: Spec, directory: string): Spec {
  const options = ['bind', 'nosuid', 'noexec', 'nodev', 'ro']
  const mount: Mount = { destination: INSIDE, type: 'bind', source: `${directory}/${NOTIFY}`, options }
  return { ...spec, mounts: [...(spec.mounts ?? []), mount] }
}

/** An error must not lead to a mount that config.json does not have. */
export function withoutNotifyPointer(ops: readonly Op[], { mounts = [] }: Spec): Op[] {
  const pointer = `/mounts/${mounts.length - 1}`
  return ops.map(op =>
    op.kind !== 'label' && op.origin.pointer === pointer
      ? { ...op, origin: { intent: `for NOTIFY_SOCKET: ${op.origin.intent}` } }
      : op,
  )
}

/** Its source is made only when the container's directory is. */
export const withNotifySource = ({ mounts = [] }: Spec, found: Facts['sources']): Facts['sources'] =>
  new Map([...found, [`/mounts/${mounts.length - 1}`, 'directory']])

export const NOTIFY_VARIABLE = `NOTIFY_SOCKET=${INSIDE}/${NOTIFY_SOCKET}`

/** The socket for a container that is about to be started; undefined when nobody wants to hear of it, or nobody can. */
export function openProxy(container: Container): NotifyProxy | undefined {
  const manager = container.runtime.environment.NOTIFY_SOCKET
  if (!manager || !container.directory.has(NOTIFY)) return undefined
  if (proxies === undefined) throw new Error('notify-proxy.ts has not been loaded')
  return proxies.openProxy(container, manager)
}
