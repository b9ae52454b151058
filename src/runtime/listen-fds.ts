// Sockets that systemd has opened for the runtime are meant for the container: sd_listen_fds(3). They come first among
// the preserved descriptors.
import type { Runtime } from './store.ts'

export interface ListenFds {
  readonly count: number
  /** For the container's environment; its program is process 1 there. */
  readonly variables: readonly string[]
}

const NONE: ListenFds = { count: 0, variables: [] }

/** Descriptors that were passed to another process, which handed its environment on, are not ours to give. */
export function listenFds(environment: Runtime['environment']): ListenFds {
  const { LISTEN_FDS = '', LISTEN_PID = '', LISTEN_FDNAMES } = environment
  if (LISTEN_PID !== String(process.pid) || !/^[1-9][0-9]{0,3}$/.test(LISTEN_FDS)) return NONE
  const names = LISTEN_FDNAMES === undefined ? [] : [`LISTEN_FDNAMES=${LISTEN_FDNAMES}`]
  return { count: Number(LISTEN_FDS), variables: [`LISTEN_FDS=${LISTEN_FDS}`, 'LISTEN_PID=1', ...names] }
}
