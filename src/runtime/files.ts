// The names in a container's directory.
import { EXEC_FIFO } from '../program/sync.ts'

export const GATE = 'gate'
export const FIFO = `${GATE}/${EXEC_FIFO}`
export const STATE_FILE = 'state.json'
export const CONFIG_FILE = 'config.json'
export const ORIGINS_FILE = 'origins.json'
export const CGROUP_FILE = 'cgroup.json'
export const RDT_FILE = 'rdt.json'
/** The directory of the container's NOTIFY_SOCKET, and the socket. */
export const NOTIFY = 'notify'
export const NOTIFY_SOCKET = 'notify.sock'
