// What a process in the container sees: mounts, devices, who it is and what it may do.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUSYBOX } from './archive.ts'
import type { Case } from './case.ts'
import { type Client, USER_IMAGE } from './client.ts'

const VIEW = 'cat /proc/self/mountinfo | while read a b c d path options rest; do echo "$path $options"; done'

const files: readonly Case[] = [
  {
    name: 'mounts as ctr has them by default',
    expected: { status: 0 },
    run: async client => ({ ...(await client.sh([], VIEW)) }),
  },
  {
    name: '--mount: a bind, read-only and writable, a tmpfs',
    basic: true,
    expected: { status: 0, stdout: 'data\nread-only\nwritten\ntmpfs\n', outside: 'new\n' },
    async run(client) {
      const directory = client.path('data')
      mkdirSync(directory)
      writeFileSync(join(directory, 'file'), 'data\n')
      const bind = (name: string, mode: string): string[] => [
        '--mount',
        `type=bind,src=${directory},dst=/${name},options=rbind:${mode}`,
      ]
      const flags = [...bind('ro', 'ro'), ...bind('rw', 'rw'), '--mount', 'type=tmpfs,src=tmpfs,dst=/scratch']
      const script = `cat /ro/file; touch /ro/new 2>/dev/null || echo read-only; echo new >/rw/new && echo written
        touch /scratch/new && stat -f -c %T /scratch`
      const ended = await client.sh(flags, script)
      const outside = readFileSync(join(directory, 'new'), 'utf8')
      rmSync(directory, { recursive: true })
      return { ...ended, outside }
    },
  },
  {
    name: '--read-only',
    basic: true,
    expected: { status: 0, stdout: 'refused\nallowed\n' },
    run: async client => ({
      ...(await client.sh(
        ['--read-only'],
        'touch /new 2>/dev/null || echo refused; touch /dev/shm/new && echo allowed',
      )),
    }),
  },
  {
    name: '--rootfs: a directory of ours',
    expected: { status: 2, stdout: 'mine\n' },
    async run(client) {
      const image = client.path('rootfs')
      mkdirSync(join(image, 'bin'), { recursive: true })
      writeFileSync(join(image, 'bin/busybox'), readFileSync(BUSYBOX), { mode: 0o755 })
      const script = ['/bin/busybox', 'sh', '-c', 'echo mine; exit 2']
      const ended = await client.run(['--rootfs'], script, { image })
      rmSync(image, { recursive: true })
      return { ...ended }
    },
  },
  {
    name: '--rootfs-propagation and --no-pivot',
    expected: { status: 0, stdout: 'fine\n' },
    run: async client => ({
      ...(await client.run(['--rootfs-propagation', 'rshared', '--no-pivot'], ['echo', 'fine'])),
    }),
  },
  {
    name: '--device',
    expected: { status: 0, stdout: /\nfull\n.*\nfull indeed\n$/s },
    run: async client => ({
      ...(await client.sh(['--device', '/dev/full'], 'ls /dev; (echo x >/dev/full) 2>/dev/null || echo full indeed')),
    }),
  },
]

const IDENTITY = `id; pwd; env; hostname; grep -E '^(Cap|NoNewPrivs|Groups|Sig(Blk|Ign)|Umask|oom)' /proc/self/status
cat /proc/self/oom_score_adj; cat /proc/self/limits`

const identity: readonly Case[] = [
  {
    name: 'who and where a process is by default',
    expected: { status: 0, stdout: /^uid=0/ },
    run: async client => seen(client, await client.sh([], IDENTITY)),
  },
  {
    name: 'the user of the image',
    expected: { status: 0, stdout: /^uid=1000/ },
    run: async client => seen(client, await client.sh([], IDENTITY, { image: USER_IMAGE })),
  },
  {
    name: '--env and --cwd',
    basic: true,
    expected: { status: 0, stdout: 'a b\n/made/for/it\n' },
    run: async client => ({
      ...(await client.sh(['--env', 'WORD=a b', '--cwd', '/made/for/it'], 'echo "$WORD"; pwd')),
    }),
  },
  {
    name: '--privileged',
    expected: { status: 0 },
    run: async client => seen(client, await client.sh(['--privileged'], `${IDENTITY}; ${VIEW}`)),
  },
  {
    name: '--cap-add, --cap-drop, --allow-new-privs',
    expected: { status: 0 },
    run: async client => {
      const flags = ['--cap-add', 'CAP_SYS_ADMIN', '--cap-drop', 'CAP_CHOWN', '--allow-new-privs']
      return seen(client, await client.sh(flags, IDENTITY))
    },
  },
  {
    name: '--seccomp: the default profile of containerd',
    basic: true,
    expected: { status: 0, stdout: 'Seccomp:\t2\nrefused\n' },
    run: async client => ({
      ...(await client.sh(
        ['--seccomp'],
        'grep ^Seccomp: /proc/self/status; unshare -U true 2>/dev/null || echo refused',
      )),
    }),
  },
  {
    name: '--seccomp-profile: one of ours, for another user',
    expected: { status: 0, stdout: 'Seccomp:\t2\n', stderr: /No space left on device/ },
    async run(client) {
      const file = client.path('profile.json')
      const rules = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }]
      writeFileSync(file, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }))
      const script = 'grep ^Seccomp: /proc/self/status; mkdir /tmp/new || true'
      const ended = await client.sh(['--seccomp', '--seccomp-profile', file], script, { image: USER_IMAGE })
      rmSync(file)
      return { ...ended }
    },
  },
]

/** What bears the name of the container. */
const seen = (client: Client, ended: { stdout: string }) => ({
  ...ended,
  stdout: ended.stdout.replaceAll(new RegExp(`${client.namespace}-\\d+`, 'g'), 'ID'),
})

export const VIEW_CASES: readonly Case[] = [...files, ...identity]
