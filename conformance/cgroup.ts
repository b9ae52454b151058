// The container's groups as the host and the container see them, whichever version of cgroups the host has.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { Skip } from './case.ts'
import type { World } from './world.ts'

const ROOT = '/sys/fs/cgroup'
/** v2 alone; a hybrid host counts as v1, though a controller that v1 has not mounted may be had from its v2 tree. */
export const isV2 = existsSync(`${ROOT}/cgroup.controllers`)

const lines = (path: string): string[] => readFileSync(path, 'utf8').trim().split('\n')

interface Hierarchy {
  readonly mountpoint: string
  /** As in /proc/PID/cgroup; "" is v2. */
  readonly controllers: string
}

/** The one whose files set a controller's limits; undefined where no hierarchy has it. */
function hierarchy(controller: string): Hierarchy | undefined {
  for (const line of isV2 ? [] : lines('/proc/self/cgroup')) {
    const controllers = line.split(':')[1] ?? ''
    if (controllers.split(',').includes(controller)) return { mountpoint: mountpointOf(controllers), controllers }
  }
  const tree = isV2 ? ROOT : `${ROOT}/unified`
  const held = existsSync(`${tree}/cgroup.controllers`) ? lines(`${tree}/cgroup.controllers`).join(' ').split(' ') : []
  return held.includes(controller) ? { mountpoint: tree, controllers: '' } : undefined
}

function mountpointOf(controllers: string): string {
  const wanted = controllers.split(',')
  for (const line of lines('/proc/self/mountinfo')) {
    const [before = '', after = ''] = line.split(' - ')
    const [type, , options = ''] = after.split(' ')
    if (type === 'cgroup' && wanted.every(name => options.split(',').includes(name))) return before.split(' ')[4] ?? ''
  }
  throw new Skip(`cgroup v1 with ${controllers} is not mounted`)
}

/** Skips a case whose controller no hierarchy of the host has. */
export function needs(controller: string): void {
  if (hierarchy(controller) === undefined) throw new Skip(`no cgroup hierarchy has the controller ${controller}`)
}

export const lacks = (controller: string): boolean => hierarchy(controller) === undefined

/** On the host the group of a process that has the controller; "" is the v2 tree. */
export function groupOf(pid: number | undefined, controller: string): string {
  const found =
    controller === '' ? { mountpoint: isV2 ? ROOT : `${ROOT}/unified`, controllers: '' } : hierarchy(controller)
  assert.ok(found, `no hierarchy has ${controller}`)
  const line = lines(`/proc/${pid}/cgroup`).find(each => each.split(':')[1] === found.controllers)
  return found.mountpoint + (line?.split(':').slice(2).join(':') ?? '')
}

type Expected = readonly [file: string, content: string | RegExp]

export interface Setting {
  /** "io" and "blkio" are the same. */
  readonly controller: string
  readonly v1?: Expected
  readonly v2?: Expected
}

/** A setting that one version alone has. */
export const only = (version: 'v1' | 'v2', controller: string, file: string, content: string | RegExp): Setting => ({
  controller,
  [version]: [file, content],
})
const nameHere = (controller: string): string => (controller !== 'io' ? controller : isV2 ? 'io' : 'blkio')

/** Lets the container see its groups. */
export function showCgroups(world: World, ...options: string[]): void {
  const { linux, mounts } = world.bundle.config
  linux.namespaces.push({ type: 'cgroup' })
  mounts.push(
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options },
  )
}

/** With these resources a container has these settings, seen from the host and from inside. */
export function sets(world: World, resources: object, settings: readonly Setting[]): void {
  const here = settings.flatMap(({ controller, v1, v2 }) => {
    needs(nameHere(controller))
    const isTree = hierarchy(nameHere(controller))?.controllers === ''
    const expected = isTree ? v2 : v1
    return expected ? [{ controller: nameHere(controller), isTree, file: expected[0], content: expected[1] }] : []
  })
  if (here.length === 0 && settings.length > 0) throw new Skip('a matter of the other version of cgroups')
  world.bundle.config.linux.resources = resources
  showCgroups(world, 'ro', 'nosuid', 'noexec', 'nodev')
  // without another process: there may be a limit of them
  const show = here.map(({ controller, isTree, file }) => {
    const path = isTree ? `/sys/fs/cgroup/${file}` : `/sys/fs/cgroup/${controller}/${file}`
    return `echo "== ${file}"; while read -r line; do echo "$line"; done <${path}`
  })
  world.bundle.script(`{ ${show.join('; ')}; } >/values 2>&1`)
  world.create()
  for (const { controller, file, content } of here)
    compare(
      readFileSync(`${groupOf(world.state().pid, controller)}/${file}`, 'utf8').trim(),
      content,
      `${file} on the host`,
    )
  world.start()
  world.stopped()
  const inside = (world.bundle.readRoot('values') ?? '').split(/^== /m)
  for (const { file, content, isTree } of here) {
    if (isTree && !isV2) continue // the v2 tree of a hybrid host is not mounted inside
    const found = inside.find(each => each.startsWith(`${file}\n`))
    compare(found?.slice(file.length).trim() ?? '', content, `${file} inside`)
  }
}

function compare(found: string, expected: string | RegExp, what: string): void {
  if (typeof expected === 'string') assert.equal(found, expected, what)
  else assert.match(found, expected, what)
}

/** These resources are refused, and nothing is left. */
export function refuses(world: World, resources: object, says?: RegExp): void {
  world.bundle.config.linux.resources = resources
  world.refused(says)
}

/** What a case, or a runtime that fails in it, may leave: removed with all below it when the case ends. */
export function removeAtEnd(world: World, ...groups: readonly string[]): void {
  world.atEnd(() => {
    for (const group of groups) world.until(`${group} is removed`, () => removed(group))
  })
}

/** A group whose processes were just killed is busy for a while. */
function removed(group: string): boolean {
  if (!existsSync(group)) return true
  try {
    for (const { name } of readdirSync(group, { withFileTypes: true }).filter(entry => entry.isDirectory()))
      if (!removed(`${group}/${name}`)) return false
    rmdirSync(group)
    return true
  } catch {
    return false
  }
}
