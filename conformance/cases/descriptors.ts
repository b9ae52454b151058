// Descriptors beside stdin, stdout and stderr: none but those that are asked for, and all of those. As runc has it:
// --preserve-fds, and what systemd hands over (sd_listen_fds(3)).
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'runc: descriptors'

/** Runs `work` with the runtime started by a shell that has done this before; HELLO is a file to be opened. */
function having<T>(world: World, before: string, work: () => T): T {
  writeFileSync(join(world.directory, 'hello'), 'hello\n')
  const close = [3, 4, 5, 6, 7, 8, 9].map(number => `${number}<&-`).join(' ')
  world.runtime.launcher = [
    'sh',
    '-c',
    `exec ${close}; HELLO=$1; ${before}; shift; exec "$@"`,
    'sh',
    join(world.directory, 'hello'),
  ]
  try {
    return work()
  } finally {
    world.runtime.launcher = []
  }
}

/** The descriptors of the program; the shell's own for the directory is the last one. */
const LIST = 'for fd in /proc/self/fd/*; do [ -e $fd ] && echo -n "$fd " | sed "s:.*/::"; done | tr "\\n" " "'

const listed = (text: string): string => text.replace(/\D+/g, ' ').trim()

export const descriptorCases: readonly Case[] = [
  defineCase(SECTION, 'what the caller has left open does not get in', world => {
    const text = having(world, 'exec 3<$HELLO 5<$HELLO 9</dev/null', () => world.output(LIST))
    assert.equal(listed(text), '0 1 2')
  }),

  defineCase(SECTION, 'so many as asked for keep their numbers, and no more get in', world => {
    const script = `${LIST}; cat <&4`
    const text = having(world, 'exec 3</dev/null 4<$HELLO 5<$HELLO 6<$HELLO', () =>
      world.output(script, '--preserve-fds', '2'),
    )
    assert.match(text, /hello/)
    assert.equal(listed(text), '0 1 2 3 4')
  }),

  defineCase(SECTION, 'they are there after create and start, too', world => {
    world.bundle.script('cat <&3 >/out; cat <&4 >>/out')
    having(world, 'exec 3<$HELLO 4<$HELLO', () => world.create('--preserve-fds', '2'))
    world.start()
    world.stopped()
    assert.equal(world.bundle.readRoot('out'), 'hello\nhello\n')
  }),

  ...(
    [
      ['none of them', 'true'],
      ['the last one', 'exec 3<$HELLO'],
      ['one in between', 'exec 3<$HELLO 5<$HELLO'],
    ] as const
  ).map(([which, before]) =>
    defineCase(SECTION, `asked for and not there is an error: ${which}`, world => {
      world.bundle.write()
      having(world, before, () => world.createFails(undefined, '--preserve-fds', '3'))
      world.nothingLeft()
    }),
  ),

  defineCase(SECTION, 'hooks do not get what is meant for the program', world => {
    const list = `for fd in /proc/self/fd/*; do [ -e $fd ] && echo $fd; done >${world.bundle.inRoot('fds.')}`
    const hook = (kind: string) => [
      { path: '/bin/sh', args: ['sh', '-c', `${list}${kind}; true`], env: ['PATH=/bin:/usr/bin'] },
    ]
    world.bundle.config.hooks = {
      createRuntime: hook('createRuntime'),
      createContainer: hook('createContainer'),
    }
    having(world, 'exec 3<$HELLO 4<$HELLO', () => world.create('--preserve-fds', '2'))
    for (const kind of ['createRuntime', 'createContainer']) {
      const text = world.bundle.readRoot(`fds.${kind}`) ?? ''
      assert.doesNotMatch(text, /\/[3-9]$/m, `${kind}: ${text}`)
    }
  }),

  defineCase(SECTION, 'sockets of systemd come first, with variables that say so', world => {
    const before = 'exec 3<$HELLO 4</dev/null 5<$HELLO; export LISTEN_FDS=2 LISTEN_PID=$$'
    const script = `env | grep LISTEN_ | sort; ${LIST}`
    const text = having(world, before, () => world.output(script, '--preserve-fds', '1'))
    assert.match(text, /^LISTEN_FDS=2\nLISTEN_PID=1\n/)
    assert.equal(listed(text.slice(text.indexOf('LISTEN_PID=1') + 12)), '0 1 2 3 4 5')
  }),

  defineCase(SECTION, 'the names of the sockets of systemd are handed on', world => {
    const before = 'exec 3<$HELLO; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web'
    const text = having(world, before, () => world.output('echo $LISTEN_FDNAMES'))
    assert.equal(text, 'web\n')
  }),

  defineCase(SECTION, 'sockets that systemd has opened for another process do not get in', world => {
    const before = 'exec 3<$HELLO; export LISTEN_FDS=1 LISTEN_PID=1'
    const text = having(world, before, () => world.output(`env | grep LISTEN_; ${LIST}`))
    assert.equal(listed(text), '0 1 2')
  }),

  defineCase(SECTION, 'fewer sockets than systemd has promised is an error', world => {
    world.bundle.write()
    having(world, 'exec 3<$HELLO; export LISTEN_FDS=2 LISTEN_PID=$$', () => world.createFails())
    world.nothingLeft()
  }),
]
