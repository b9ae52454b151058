// process.terminal and process.consoleSize: config.md#process; the console socket is runc's.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ConsoleSocket, printed } from '../../src/runtime/fixtures/console-socket.ts'
import { type Case, defineCase } from '../case.ts'
import { set } from '../changes.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md process'

/** What the script prints on the terminal that came by the socket. */
async function onTerminal(world: World, script: string): Promise<string> {
  const path = join(world.directory, 'console')
  const socket = await ConsoleSocket.listen(path)
  set(world, { 'process/terminal': true })
  world.bundle.config.mounts.push({
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['newinstance', 'ptmxmode=0666'],
  })
  world.bundle.script(script)
  world.create('--console-socket', path)
  const { master } = await socket.accept()
  world.start()
  const text = printed(master)
  master.close()
  return text.replaceAll('\r\n', '\n')
}

export const terminalCases: readonly Case[] = [
  defineCase(SECTION, 'with a terminal the standard streams are one, and it is the controlling one', async world => {
    const script = 'tty; for fd in 0 1 2; do test -t $fd && echo $fd; done; echo there >/dev/tty'
    assert.match(await onTerminal(world, script), /^\/dev\/(pts\/0|console)\n0\n1\n2\nthere\n$/)
  }),

  defineCase(SECTION, 'the terminal has the size of the config', async world => {
    set(world, { 'process/consoleSize': { height: 40, width: 120 } })
    assert.equal(await onTerminal(world, 'stty size'), '40 120\n')
  }),

  defineCase(SECTION, 'consoleSize is ignored without a terminal', world => {
    set(world, { 'process/consoleSize': { height: 40, width: 120 } })
    assert.equal(world.output('test -t 0 || echo none'), 'none\n')
    set(world, { 'process/terminal': false })
    assert.equal(world.output('test -t 0 || echo none'), 'none\n')
  }),

  defineCase('runc: terminal', 'a terminal that nobody takes, and a socket without a terminal, is an error', world => {
    const path = join(world.directory, 'nobody')
    world.createFails(undefined, '--console-socket', path)
    set(world, { 'process/terminal': true })
    world.bundle.write()
    world.createFails()
    world.createFails(undefined, '--console-socket', path)
    world.nothingLeft()
  }),
]
