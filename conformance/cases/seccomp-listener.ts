// config-linux.md, "Seccomp" and "The Container Process State": SCMP_ACT_NOTIFY and the agent behind listenerPath.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent } from '../agent.ts'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md seccomp'
const STATE = 'config-linux.md containerprocessstate'
const DIALECT = 'runc: seccomp'

const MKDIR = ['mkdir', 'mkdirat']
const notifying = (listenerPath: string | undefined, names = MKDIR): Record<string, unknown> => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  ...(listenerPath === undefined ? {} : { listenerPath }),
  syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }],
})

function refuses(world: World, seccomp: object): void {
  world.bundle.config.linux.seccomp = seccomp
  world.refused()
}

/** The message that the agent has got when create has returned. */
function message(world: World, agent: Agent, seccomp: object) {
  world.bundle.config.linux.seccomp = seccomp
  world.create()
  world.until('the agent has a message', () => agent.messages().length > 0)
  const [first] = agent.messages()
  assert.ok(first)
  return first
}

export const seccompListenerCases: readonly Case[] = [
  defineCase(SECTION, 'the listener gets calls with SCMP_ACT_NOTIFY and answers them', world => {
    using agent = new Agent(world, 'mkdir=ENOSPC', 'mkdirat=ENOSPC', 'chmod=0', 'fchmodat=0')
    world.bundle.touch('file')
    world.bundle.touch('out')
    world.bundle.script('exec >/out 2>&1; mkdir /made; chmod 711 /file; stat -c %a /file')
    message(world, agent, notifying(agent.path, [...MKDIR, 'chmod', 'fchmodat']))
    world.start()
    world.stopped()
    assert.match(world.bundle.readRoot('out') ?? '', /No space left on device\n644\n$/)
    assert.equal(agent.calls().filter(call => MKDIR.includes(call)).length, 1)
  }),

  defineCase(SECTION, 'one message with the descriptor comes over a connection, which is then closed', world => {
    using agent = new Agent(world)
    assert.equal(message(world, agent, notifying(agent.path)).descriptors, 1)
    world.until('the connection is closed', () => agent.said().some(({ closed }) => closed !== undefined))
    assert.deepEqual(
      agent.said().filter(({ closed }) => closed !== undefined),
      [{ closed: true }],
    )
    world.start()
    world.wait(200)
    assert.equal(agent.messages().length, 1)
  }),

  defineCase(STATE, 'the message is a container process state', world => {
    using agent = new Agent(world)
    world.bundle.config.annotations = { 'org.example.key': 'value' }
    const { state } = message(world, agent, notifying(agent.path))
    const { pid } = world.state()
    assert.match(state.ociVersion, /^1\./)
    assert.deepEqual(state.fds, ['seccompFd'])
    assert.equal(state.pid, pid)
    assert.equal(state.state.id, world.id)
    assert.equal(state.state.status, 'creating')
    assert.equal(state.state.pid, pid)
    assert.equal(state.state.bundle, world.bundle.path)
    assert.deepEqual(state.state.annotations, { 'org.example.key': 'value' })
    assert.ok(state.metadata === undefined || state.metadata === '')
  }),

  defineCase(STATE, 'listenerMetadata is handed on as it is', world => {
    using agent = new Agent(world)
    const listenerMetadata = 'MKNOD=/dev/null; "quoted" \u00e4 \n'
    const { state } = message(world, agent, { ...notifying(agent.path), listenerMetadata })
    assert.equal(state.metadata, listenerMetadata)
  }),

  defineCase(SECTION, 'the listener may answer calls that the runtime makes', world => {
    using agent = new Agent(world)
    for (const noNewPrivileges of [false, true]) {
      world.bundle.config.process.noNewPrivileges = noNewPrivileges
      world.bundle.config.linux.seccomp = notifying(agent.path, ['execve', 'openat', 'read', 'setuid', 'capset'])
      assert.equal(world.output('echo hello'), 'hello\n')
    }
    assert.ok(agent.calls().includes('execve'))
  }),

  defineCase(SECTION, 'a user of the container may have a listener', world => {
    using agent = new Agent(world, 'mkdir=ENOSPC', 'mkdirat=ENOSPC')
    Object.assign(world.bundle.config.process, { user: { uid: 1000, gid: 1000 } })
    world.bundle.config.linux.seccomp = notifying(agent.path)
    for (const noNewPrivileges of [false, true]) {
      world.bundle.config.process.noNewPrivileges = noNewPrivileges
      assert.match(world.output('mkdir /made 2>&1; true'), /No space left on device/)
    }
  }),

  defineCase(SECTION, 'a container in a user namespace may have a listener', world => {
    using agent = new Agent(world, 'mkdir=ENOSPC', 'mkdirat=ENOSPC')
    const { linux } = world.bundle.config
    linux.namespaces.push({ type: 'user' })
    linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
    linux.seccomp = notifying(agent.path)
    assert.match(world.output('mkdir /made 2>&1; true'), /No space left on device/)
  }),

  defineCase(SECTION, 'a listener that cannot be told is an error', world => {
    const path = join(world.directory, 'nobody')
    refuses(world, notifying(path))
    writeFileSync(path, '')
    refuses(world, notifying(path))
  }),

  defineCase(SECTION, 'listenerPath is ignored where nothing is notified', world => {
    world.bundle.config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/nowhere/at/all' }
    assert.equal(world.output('echo hello'), 'hello\n')
  }),

  defineCase(SECTION, 'listenerMetadata without listenerPath is an error', world =>
    refuses(world, { defaultAction: 'SCMP_ACT_ALLOW', listenerMetadata: 'x' }),
  ),

  defineCase(DIALECT, 'SCMP_ACT_NOTIFY without listenerPath is an error', world =>
    refuses(world, notifying(undefined)),
  ),

  defineCase(DIALECT, 'SCMP_ACT_NOTIFY is no default action, and not for write', world => {
    using agent = new Agent(world)
    refuses(world, { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: agent.path })
    refuses(world, notifying(agent.path, ['write']))
  }),
]
