// How a task ends, and who ends it.
import { SIG } from '../../abi/signal.ts'
import { sendSignal } from '../../host/process.ts'
import { type Case, message } from './case.ts'
import type { Client } from './client.ts'
import { filesIn, removeFiles } from './leftovers.ts'
import { until } from './waiting.ts'

/** The namespace of the host: a container in it has no init whose end is everybody's end. */
const HOST_PIDS = ['--with-ns', `pid:/proc/${process.pid}/ns/pid`]

/** Processes in the cgroup of a container's init; of those that containerd has anything to do with. */
const sleepers = (client: Client): number =>
  client.at.children.strangers().filter(({ command }) => command.startsWith('sleep')).length

const ends: readonly Case[] = [
  {
    name: 'a program that exits with 0',
    basic: true,
    expected: { status: 0, stdout: '', stderr: '' },
    run: async client => ({ ...(await client.run([], ['true'])) }),
  },
  {
    name: 'exit status and both outputs',
    basic: true,
    expected: { status: 7, stdout: 'out\n', stderr: 'err\n' },
    run: async client => ({ ...(await client.sh([], 'echo out; echo err >&2; exit 7')) }),
  },
  {
    name: 'killed by SIGKILL',
    basic: true,
    expected: { kill: 0, status: 137 },
    async run(client) {
      const id = client.id()
      const task = client.start(id, ['--rm'], ['sleep', '1000'])
      await client.running(id)
      const kill = await client.ctr('task', 'kill', '--signal', 'SIGKILL', id)
      return { kill: kill.status, ...(await task.ended) }
    },
  },
  {
    name: 'killed by a signal of its own',
    expected: { status: 134 },
    // only children of the init of a pid namespace die of what they send themselves
    run: async client => ({ ...(await client.sh(HOST_PIDS, 'kill -ABRT $$')) }),
  },
  {
    name: 'the default signal is SIGTERM, and the program may handle it',
    expected: { kill: 0, status: 3, stdout: 'ready\nterminated\n' },
    async run(client) {
      const id = client.id()
      const script = 'trap "echo terminated; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
      const task = client.start(id, ['--rm'], ['sh', '-c', script])
      await task.printed(/ready/)
      const kill = await client.ctr('task', 'kill', id)
      return { kill: kill.status, ...(await task.ended) }
    },
  },
]

const kills: readonly Case[] = [
  {
    name: 'task kill --all reaches every process',
    expected: { before: 3, kill: 0, status: 143 },
    async run(client) {
      const id = client.id()
      const script = 'sleep 1000 & sleep 1000 & exec sleep 1000'
      const task = client.start(id, ['--rm', ...HOST_PIDS], ['sh', '-c', script])
      await until('three processes', () => sleepers(client) === 3)
      const before = sleepers(client)
      const kill = await client.ctr('task', 'kill', '--all', '--signal', 'SIGTERM', id)
      return { before, kill: kill.status, ...(await task.ended) }
    },
  },
  {
    name: 'SIGKILL without --all, in the pid namespace of the host',
    expected: { kill: 0, status: 137, left: true },
    async run(client) {
      const id = client.id()
      const task = client.start(id, ['--rm', ...HOST_PIDS], ['sh', '-c', 'sleep 1000 & exec sleep 1000'])
      await until('two processes', () => sleepers(client) === 2)
      const kill = await client.ctr('task', 'kill', '--signal', 'KILL', id)
      const ended = await task.ended
      return { kill: kill.status, ...ended, left: await until('none is left', () => sleepers(client) === 0) }
    },
  },
  {
    name: 'what the first process leaves running ends with it, in the pid namespace of the host',
    expected: { status: 5, left: true },
    async run(client) {
      const ended = await client.sh(HOST_PIDS, 'sleep 1000 >/dev/null 2>&1 & exit 5')
      return { ...ended, left: await until('none is left', () => sleepers(client) === 0) }
    },
  },
  {
    name: 'kill of a task that has stopped, and of one that is not there',
    expected: { stopped: 1, error: /process already finished: not found/, missing: 1, text: /not found/ },
    async run(client) {
      const { id } = await client.background([])
      await client.ctr('task', 'kill', '--signal', 'KILL', id)
      await client.stopped(id)
      const stopped = await client.ctr('task', 'kill', id)
      await client.discard(id)
      const missing = await client.ctr('task', 'kill', id)
      return {
        stopped: stopped.status,
        error: message(client, stopped),
        missing: missing.status,
        text: message(client, missing),
      }
    },
  },
  {
    name: 'the shim is killed: the container is cleaned up without it',
    expected: { gone: true, task: true },
    async run(client) {
      const { id, pid } = await client.background([])
      const isShim = (command: string): boolean => command.includes('-shim-runc-') && command.includes(`-id ${id} `)
      const shim = client.at.children.strangers().find(({ command }) => isShim(command))
      sendSignal(shim?.pid ?? 0, shim === undefined ? 0 : SIG.SIGKILL)
      const alive = (): boolean => client.at.children.strangers().some(process => process.pid === pid)
      const gone = await until('the container has ended', () => !alive())
      const task = await until('the task is gone', async () => (await client.task(id))?.status !== 'RUNNING')
      // nobody else does, whatever the runtime: they are the shim's and ctr's
      client.at.daemon.removeShimSocket(client.namespace, id)
      removeFiles(filesIn(client.fifos))
      return { gone, task }
    },
  },
]

export const LIFE_CASES: readonly Case[] = [...ends, ...kills]
