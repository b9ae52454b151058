// Tasks in the background, and what ctr does with one.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, message, skipWhatIsToCome } from './case.ts'

const detached: readonly Case[] = [
  {
    name: 'detached: listed, killed, deleted',
    basic: true,
    expected: {
      printed: '',
      isInit: true,
      state: true,
      socket: true,
      refused: 1,
      kill: 0,
      status: 'STOPPED',
      rm: 0,
      task: undefined,
      forget: 0,
    },
    async run(client) {
      const { id, pid, printed } = await client.background(['--pid-file', client.path('pid')])
      const { daemon } = client.at
      const seen = {
        printed,
        isInit: readFileSync(client.path('pid'), 'utf8') === String(pid),
        state: existsSync(join(client.root, client.namespace, id)),
        socket: existsSync(daemon.shimSocket(client.namespace, id)),
      }
      const refused = await client.ctr('task', 'rm', id)
      const kill = await client.ctr('task', 'kill', '--signal', '9', id)
      await client.stopped(id)
      const status = (await client.task(id))?.status
      const rm = await client.ctr('task', 'rm', id)
      const task = await client.task(id)
      const forget = await client.ctr('container', 'rm', id)
      const text = message(client, refused)
      return {
        ...seen,
        refused: refused.status,
        text,
        kill: kill.status,
        status,
        rm: rm.status,
        task,
        forget: forget.status,
      }
    },
  },
  {
    name: 'task rm --force ends a running task',
    expected: { rm: 0, stderr: /exit code 137/, task: undefined },
    async run(client) {
      const { id } = await client.background([])
      const rm = await client.ctr('task', 'rm', '--force', id)
      return { rm: rm.status, stderr: message(client, rm), task: await client.task(id) }
    },
  },
  {
    name: 'attached to, and started a second time',
    expected: { attached: 4, stdout: 'end\n', second: 4, again: 'end\n' },
    async run(client) {
      const { id } = await client.background([], ['sh', '-c', 'sleep 0.5; echo end; exit 4'])
      const attached = await client.ctr('task', 'attach', id)
      const second = await client.ctr('task', 'start', '--fifo-dir', client.fifos, id)
      return {
        attached: attached.status,
        stdout: attached.stdout,
        second: second.status,
        again: second.stdout,
      }
    },
  },
  {
    name: 'metrics of a task',
    expected: { status: 0 },
    async run(client) {
      const { id } = await client.background([])
      const { status, stdout } = await client.ctr('task', 'metrics', id)
      return { status, names: stdout.match(/^[a-z]\S+/gm)?.filter(name => name !== id) }
    },
  },
]

/** What there may be no command for yet. */
const verbs: readonly Case[] = [
  {
    name: 'task ps',
    expected: { status: 0 },
    async run(client) {
      const { id, pid } = await client.background([])
      const { status, stdout } = skipWhatIsToCome(await client.ctr('task', 'ps', id))
      return { status, listed: stdout.includes(String(pid)) }
    },
  },
  {
    name: 'task pause and resume',
    expected: { pause: 0, paused: 'PAUSED', resume: 0, resumed: 'RUNNING' },
    async run(client) {
      const { id } = await client.background([])
      const pause = skipWhatIsToCome(await client.ctr('task', 'pause', id))
      const paused = (await client.task(id))?.status
      const resume = await client.ctr('task', 'resume', id)
      return { pause: pause.status, paused, resume: resume.status, resumed: (await client.task(id))?.status }
    },
  },
  {
    name: 'task exec',
    expected: { status: 6, stdout: 'inside\n' },
    async run(client) {
      const { id } = await client.background([])
      const command = ['sh', '-c', 'echo inside; exit 6']
      const fixed = ['--exec-id', 'second', '--fifo-dir', client.fifos]
      return { ...skipWhatIsToCome(await client.ctr('task', 'exec', ...fixed, id, ...command)) }
    },
  },
]

export const TASK_CASES: readonly Case[] = [...detached, ...verbs]
