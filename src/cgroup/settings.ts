// linux.resources → what is written into a container's groups, and when. The files are known by resources.ts and
// devices.ts; apply.ts does the writing.
import { UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Fd } from '../host/fd.ts'
import type { Resources } from '../spec/gen/types.ts'
import { applyWrites, checkUsage } from './apply.ts'
import { controllersOf, delegate, whyMissing } from './delegation.ts'
import { setDeviceProgram } from './device-attachment.ts'
import { type CheckedRule, deviceRules, deviceWrites } from './devices.ts'
import { type Group, openMountpoint } from './group.ts'
import type { Groups } from './groups.ts'
import { resourceWrites, type Version } from './resources.ts'
import { allowRealtime } from './v1-parents.ts'
import type { Write } from './write.ts'

/**
 * Which settings: those that hold before init exists (early), those that would stop it while it sets up, because it
 * forks once and makes mounts (late), both, or just what is given, for a container that runs (update).
 */
export type Part = 'all' | 'early' | 'late' | 'update'

export interface Settings {
  readonly writes: readonly Write[]
  /** Rules for an eBPF program on the v2 group. */
  readonly program: readonly CheckedRule[] | undefined
}

/** Throws for what can not be set here, as far as that is known without touching anything. */
export const settingsFor = (groups: Groups, resources: Resources, part: Part): Settings =>
  selected(allSettings(groups, resources, part === 'update'), part)

/** Of all parts; `isUpdate` leaves out what was not asked for. */
export function allSettings(groups: Groups, resources: Resources, isUpdate = false): Settings {
  const writes = resourceWrites(resources, controller => version(groups, controller))
  const all = { writes, program: undefined }
  const asksForDevices = isUpdate ? resources.devices !== undefined : groups.all.length > 0
  if (!asksForDevices) return all
  const rules = deviceRules(resources.devices)
  if (groups.v1('devices') !== undefined) return { ...all, writes: [...writes, ...deviceWrites(rules)] }
  if (groups.v2 !== undefined) return { ...all, program: rules }
  throw new UnsupportedError('device rules: neither the devices hierarchy of cgroup v1 nor cgroup v2 is mounted', {
    where: '/linux/resources/devices',
  })
}

export function selected(settings: Settings, part: Part): Settings {
  if (part === 'all' || part === 'update') return settings
  const late = part === 'late'
  const writes = settings.writes.filter(write => (write.late === true) === late)
  return { writes, program: late ? settings.program : undefined }
}

/** Most controllers of a hybrid host are in v1, but one that v1 has not mounted may be had from the v2 tree. */
function version(groups: Groups, controller: string): Version {
  if (groups.mode === 'v2') return 'v2'
  const { v2 } = groups
  if (v2 === undefined || controller === '' || groups.v1(controller) !== undefined) return 'v1'
  using mountpoint = openMountpoint(v2.place)
  return controllersOf(mountpoint).includes(controller === 'blkio' ? 'io' : controller) ? 'v2' : 'v1'
}

export interface Circumstances {
  /** The v2 group was just made, so that no program is attached to it. */
  readonly isNew: boolean
  /** The kernel may deny device rules: whoever made the group can make no devices either. */
  readonly isRootless: boolean
  /** The program of the settings, if that has been loaded. */
  readonly program?: Fd | undefined
}

export function applySettings(groups: Groups, resources: Resources, settings: Settings, how: Circumstances): void {
  const { v2 } = groups
  const { program } = settings
  const writes = how.isRootless ? settings.writes.map(tolerant) : settings.writes
  if (groups.mode === 'hybrid' && v2 !== undefined) {
    const controllers = writes.map(write => write.controller).filter(name => groups.holding(name) === v2)
    if (controllers.length > 0) delegate(v2, controllers)
  }
  checkUsage(resources.memory, groups.holding('memory'))
  const cpu = groups.v1('cpu')
  if (cpu !== undefined) allowRealtime(cpu, writes)
  applyWrites(writes, {
    group: controller => groups.holding(controller),
    missing: (group, controller) => (group.isV2 ? why(groups, group, controller) : undefined),
  })
  if (program !== undefined && v2 !== undefined) attach(v2, program, how)
}

const tolerant = (write: Write): Write =>
  write.controller === 'devices' ? { ...write, whenDenied: 'skip' as const } : write

function attach(group: Group, rules: readonly CheckedRule[], { isNew, isRootless, program }: Circumstances): void {
  try {
    setDeviceProgram(group, rules, isNew, program)
  } catch (error) {
    if (!isRootless || !isErrno(error, 'EPERM')) throw error
  }
}

function why(groups: Groups, group: Group, controller: string): string | undefined {
  const reason = whyMissing(group, controller)
  if (reason === undefined || groups.mode !== 'hybrid') return reason
  return `no v1 hierarchy with the controller ${controller} is mounted, and the v2 tree does not give it: ${reason}`
}
