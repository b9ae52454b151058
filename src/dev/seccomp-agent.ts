// For tests only: a seccomp agent as engines run one, as a process of its own, since who creates the container may wait
// for its answers. `node seccomp-agent.js SOCKET [CALL=ANSWER …]`: an answer is the name of an errno, a number that the
// call then returns, or `continue`, which is the answer to all others. Prints a line of JSON when it listens, one for
// each container process state with how many descriptors came along, one when the connection is closed behind it or
// more is sent, and one for each call. See seccomp_unotify(2).
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { defineStruct } from '../abi/define.ts'
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { F } from '../abi/fcntl.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { c, fd, number, pointer } from '../host/signature.ts'
import { receive } from '../host/socket.ts'
import { whenReadable, whenReady } from '../host/wait.ts'
import { ABIS } from '../plan/seccomp/fixtures/meaning.ts'

const seccompNotif = defineStruct(
  'struct seccomp_notif, include/uapi/linux/seccomp.h (v6.12), less instruction and arguments',
  {
    id: 'u64',
    pid: 'u32',
    flags: 'u32',
    nr: 'i32',
    arch: 'u32',
  },
)
/** SECCOMP_GET_NOTIF_SIZES says so, and so it has been since the beginning. */
const NOTIF_SIZE = 80
const seccompNotifResp = defineStruct('struct seccomp_notif_resp, include/uapi/linux/seccomp.h (v6.12)', {
  id: 'u64',
  val: 'i64',
  error: 'i32',
  flags: 'u32',
})
const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100
const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101
const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1

const ioctl = c('int', 'ioctl', fd, { ...number, type: 'unsigned long' }, pointer)

const names: ReadonlyMap<number, string> = ABIS[process.arch === 'arm64' ? 'aarch64' : 'x86_64'].numbers

const say = (what: object): void => console.log(JSON.stringify(what))

function answer(wish: string): { val?: number; error?: number; flags?: number } {
  if (wish === 'continue') return { flags: SECCOMP_USER_NOTIF_FLAG_CONTINUE }
  if (wish in ERRNO) return { error: -ERRNO[wish as ErrnoName][0] }
  return { val: Number(wish) }
}

/** False when there is nothing: a signal may have taken the call back, before we have heard of it or afterwards. */
function answerOne(listener: Fd, wishes: ReadonlyMap<string, string>): boolean {
  const notif = new Uint8Array(NOTIF_SIZE)
  try {
    ioctl(listener.number, SECCOMP_IOCTL_NOTIF_RECV, notif)
    const { id, nr, pid } = seccompNotif.decode(notif)
    const call = names.get(Number(nr)) ?? String(nr)
    say({ call, pid: Number(pid) })
    const response = seccompNotifResp.encode({ id, ...answer(wishes.get(call) ?? 'continue') })
    ioctl(listener.number, SECCOMP_IOCTL_NOTIF_SEND, response)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

/** Nobody is left under the filter. */
const isHungUp = async ({ number }: Fd): Promise<boolean> =>
  (await whenReady([{ fd: number, events: 0n }], 0))[0] === true

async function serve(socket: Socket, wishes: ReadonlyMap<string, string>): Promise<void> {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } } // the number is nowhere else
  const connection = Fd.adopt(fileCalls.fcntl(handle.fd, F.values.F_DUPFD_CLOEXEC, 3))
  const first = receive(connection, 1 << 16, { timeoutMs: 10_000 })
  const text = Buffer.from(first?.bytes ?? []).toString()
  say({ descriptors: first?.fds.length ?? 0, state: text === '' ? undefined : JSON.parse(text) })
  void whenReadable([connection]).then(() => say({ closed: receive(connection, 1 << 16) === undefined }))
  const [listener] = first?.fds ?? []
  while (listener !== undefined) {
    await whenReadable([listener])
    if (!answerOne(listener, wishes) && (await isHungUp(listener))) break
  }
  listener?.close()
  socket.destroy()
  say({ ended: true })
}

const [path = '', ...rest] = process.argv.slice(2)
const wishes = new Map(rest.map(each => each.split('=') as [string, string]))
const server = createServer({ pauseOnConnect: true }, socket => void serve(socket, wishes))
server.listen(path)
await once(server, 'listening')
say({ listens: true })
