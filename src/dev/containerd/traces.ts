// What the containers of a client have left on the machine when all of them are gone, and its removal.
import { join } from 'node:path'
import { SIG } from '../../abi/signal.ts'
import { sendSignal } from '../../host/process.ts'
import type { Client, Surroundings } from './client.ts'
import { cgroupsNamed, filesIn, mountsBelow, namedFiles, removeCgroups, removeFiles, unmount } from './leftovers.ts'
import { sleep } from './waiting.ts'

/** ctr has its answer before the shim has ended. */
const GRACE_MS = 5000
const RUNTIME_DIRECTORIES = ['/run', '/tmp']

interface Traces {
  readonly processes: readonly { readonly pid: number; readonly command: string }[]
  readonly mounts: readonly string[]
  readonly cgroups: readonly string[]
  readonly files: readonly string[]
}

/** The cgroup of a namespace, which holds those of its containers, is nobody's in particular: runc leaves it there. */
const isOfContainer = (client: Client) => (name: string) => client.ids.includes(name)

function look(client: Client): Traces {
  const { work, children, daemon } = client.at
  const shims = client.ids.map(id => daemon.shimSocket(client.namespace, id))
  const sockets = new Set(filesIn(join(shims[0] ?? '', '..')))
  return {
    processes: children.strangers(),
    mounts: mountsBelow(work),
    cgroups: cgroupsNamed(isOfContainer(client)),
    files: [
      ...filesIn(join(client.root, client.namespace)),
      ...filesIn(daemon.tasks(client.namespace)),
      ...filesIn(client.fifos),
      ...filesIn(join(work, 'run')),
      ...filesIn(join(work, 'tmp')),
      ...shims.filter(path => sockets.has(path)),
      ...namedFiles(RUNTIME_DIRECTORIES, isOfContainer(client)).filter(path => !path.startsWith(work)),
    ],
  }
}

const told = ({ processes, mounts, cgroups, files }: Traces): string[] => [
  ...processes.map(({ pid, command }) => `process ${pid} ${command}`),
  ...mounts.map(path => `mount ${path}`),
  ...cgroups.map(path => `cgroup ${path}`),
  ...files.map(path => `file ${path}`),
]

async function remove({ processes, mounts, cgroups, files }: Traces): Promise<void> {
  for (const { pid } of processes) sendSignal(pid, SIG.SIGKILL)
  unmount(mounts)
  await removeCgroups(cgroups)
  removeFiles(files)
}

/** Containers that a case did not get to remove. */
async function discardAll(client: Client): Promise<void> {
  const { stdout } = await client.ctr('container', 'ls', '--quiet')
  for (const id of stdout.split('\n').filter(line => line !== '')) await client.discard(id)
}

/** What is left when everything has had its time; removed, so that what comes next does not suffer from it. */
export async function clear(client: Client): Promise<string[]> {
  await discardAll(client)
  let traces = look(client)
  for (const deadline = performance.now() + GRACE_MS; told(traces).length > 0; traces = look(client)) {
    if (performance.now() > deadline) break
    await sleep()
  }
  const left = told(traces)
  if (left.length > 0) await remove(traces)
  return left
}

/** All of a run, in whatever state it is; containerd has been stopped. What could not be removed. */
export async function removeAll(
  { work, prefix, children, daemon }: Pick<Surroundings, 'work' | 'prefix' | 'children' | 'daemon'>,
  clients: readonly Client[],
): Promise<string[]> {
  const isOurs = (name: string): boolean => name.startsWith(prefix)
  await children.killStrangers()
  unmount(mountsBelow(work))
  await removeCgroups(cgroupsNamed(isOurs))
  for (const { namespace, ids } of clients) for (const id of ids) daemon.removeShimSocket(namespace, id)
  removeFiles([...namedFiles(RUNTIME_DIRECTORIES, isOurs), work])
  return told({
    processes: children.strangers(),
    mounts: mountsBelow(work),
    cgroups: cgroupsNamed(isOurs),
    files: [...filesIn(work), ...namedFiles(RUNTIME_DIRECTORIES, isOurs)],
  })
}
