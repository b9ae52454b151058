// The streams of a container: pipes, nothing, a log file, a terminal.
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import type { Case } from './case.ts'
import type { Ended } from './launched.ts'
import { Pseudoterminal } from './pseudoterminal.ts'
import { until } from './waiting.ts'

const MEBIBYTE = 1 << 20
const SIZE = { rows: 33, columns: 99 }
const OTHER_SIZE = { rows: 44, columns: 111 }

/** Where the three descriptors of the first process lead; in a process of its own, whose output may be redirected. */
const DESCRIPTORS = '( for fd in 0 1 2; do readlink /proc/1/fd/$fd; done )'
/** The client tells the size when the task has been started already. */
const awaitSize = ({ rows, columns }: typeof SIZE): string =>
  `i=0; while [ "$(stty size 2>/dev/null)" != "${rows} ${columns}" ] && [ $i -lt 100 ]; do i=$((i+1)); sleep 0.05; done; stty size`

/** The terminal of the container and that of ctr, which keeps OPOST, both make CR LF of LF. */
const lines = (ended: Ended) => ({ ...ended, stdout: ended.stdout.replaceAll('\r\r\n', '\n') })

const pipes: readonly Case[] = [
  {
    name: 'stdin is piped through, and its end too',
    basic: true,
    expected: { status: 0, stderr: '', same: true },
    async run(client) {
      const data = randomBytes(MEBIBYTE)
      const { status, stdout, stderr } = await client.run([], ['cat'], { stdin: data })
      return { status, stderr, same: Buffer.from(stdout, 'latin1').equals(data) }
    },
  },
  {
    name: 'much output, more than any pipe holds',
    expected: { status: 0, length: 4 * MEBIBYTE },
    async run(client) {
      const { status, stdout } = await client.run([], ['head', '-c', String(4 * MEBIBYTE), '/dev/zero'])
      return { status, length: stdout.length }
    },
  },
  {
    name: 'what a program says at its end is not lost',
    expected: { outputs: Array(5).fill('last words\n') },
    async run(client) {
      const outputs: string[] = []
      for (let i = 0; i < 5; i++) outputs.push((await client.run([], ['echo', 'last words'])).stdout)
      return { outputs }
    },
  },
  {
    name: 'nothing but the three streams is open',
    expected: { status: 0, stdout: '0\n1\n2\n3\n' },
    // 3 is the directory itself; ls as the first process, since a shell has descriptors of its own
    run: async client => ({ ...(await client.run([], ['ls', '/proc/self/fd'])) }),
  },
]

const elsewhere: readonly Case[] = [
  {
    name: '--null-io',
    basic: true,
    expected: { status: 9, stdout: '', stderr: '', inside: '/dev/null\n/dev/null\n/dev/null\n' },
    async run(client) {
      const file = client.path('descriptors')
      const flags = ['--null-io', '--mount', `type=bind,src=${client.at.work},dst=/host,options=rbind:rw`]
      const inside = file.replace(client.at.work, '/host')
      const ended = await client.sh(flags, `exec 3>${inside}; ${DESCRIPTORS} >&3; exit 9`)
      const text = readFileSync(file, 'utf8')
      rmSync(file)
      return { ...ended, inside: text }
    },
  },
  {
    name: '--null-io, detached',
    expected: { printed: '', rm: 0 },
    async run(client) {
      const { id, printed } = await client.background(['--null-io'])
      const rm = await client.ctr('task', 'rm', '--force', id)
      return { printed, rm: rm.status }
    },
  },
  {
    name: 'output to a log file, detached',
    expected: { printed: '', text: /^\S+ stdout F out\n$|^out\n$/ },
    async run(client) {
      const file = client.path('log')
      const { id, printed } = await client.background(
        ['--log-uri', `file://${file}`],
        ['sh', '-c', 'echo out; sleep 9'],
      )
      const text = await until('it has written', () => readFileSync(file, 'utf8') || undefined)
      await client.discard(id)
      rmSync(file)
      return { printed, text }
    },
  },
]

const terminals: readonly Case[] = [
  {
    name: 'a terminal: its name, its size, the exit status',
    basic: true,
    expected: { status: 12, stdout: /^\/dev\/(pts\/0|console)\n(\/dev\/pts\/0\n){3}33 99\n$/ },
    async run(client) {
      const terminal = new Pseudoterminal(SIZE)
      // ctr does not wait for the last output of a terminal
      const script = `tty; ${DESCRIPTORS}; ${awaitSize(SIZE)}; sleep 0.3; exit 12`
      return lines(await client.sh(['--tty'], script, { terminal }))
    },
  },
  {
    name: 'a terminal: typing, another size, Ctrl-C',
    expected: { status: 130, stdout: /^name\? Ada\nyou are Ada\n44 111\nwaiting\n/ },
    async run(client) {
      const terminal = new Pseudoterminal(SIZE)
      const script = `printf 'name? '; read name; echo "you are $name"; ${awaitSize(OTHER_SIZE)}; echo waiting; sleep 1000`
      const id = client.id()
      // a shell that a child's death by SIGINT ends: the first process of a pid namespace is deaf to the signal itself
      const task = client.start(id, ['--rm', '--tty'], ['sh', '-c', `trap 'exit 130' INT; ${script}`], { terminal })
      await task.printed(/name\? /)
      terminal.type('Ada\n')
      await task.printed(/you are Ada/)
      task.resize(OTHER_SIZE)
      await task.printed(/waiting/)
      terminal.type('\x03')
      return lines(await task.ended)
    },
  },
  {
    name: 'a terminal, detached',
    basic: true,
    expected: { kill: 0, rm: 0 },
    async run(client) {
      const id = client.id()
      const terminal = new Pseudoterminal(SIZE)
      const { status } = await client.start(id, ['--detach', '--tty'], ['sleep', '1000'], { terminal }).ended
      await client.running(id)
      const kill = await client.ctr('task', 'kill', '--signal', 'KILL', id)
      await client.stopped(id)
      const rm = await client.ctr('task', 'rm', id)
      return { status, kill: kill.status, rm: rm.status, output: terminal.output }
    },
  },
  {
    name: 'a terminal whose program cannot be started',
    expected: { status: 1 },
    async run(client) {
      const terminal = new Pseudoterminal(SIZE)
      const { status } = await client.run(['--tty'], ['/nowhere'], { terminal })
      return { status, says: /no such file or directory/.test(terminal.output) }
    },
  },
]

export const STREAM_CASES: readonly Case[] = [...pipes, ...elsewhere, ...terminals]
