// Device rules of v2: an eBPF program attached to the group. Document: Documentation/admin-guide/cgroup-v2.rst.
import {
  attachDeviceProgram,
  detachDeviceProgram,
  devicePrograms,
  loadDeviceProgram,
  deviceProgram as programById,
} from '../host/bpf.ts'
import type { Fd } from '../host/fd.ts'
import { deviceProgram } from './device-program.ts'
import type { CheckedRule } from './devices.ts'
import { assemble } from './ebpf.ts'
import { explained, type Group } from './group.ts'

/** A program that no group has yet. */
export const loadRules = (rules: readonly CheckedRule[]): Fd => loadDeviceProgram(assemble(deviceProgram(rules)))

/** The new program is in force before the old ones go. A group that was just made has none. */
export function setDeviceProgram(group: Group, rules: readonly CheckedRule[], isNew: boolean, loaded?: Fd): void {
  try {
    const old = isNew ? [] : devicePrograms(group.directory)
    using program = loaded ?? loadRules(rules)
    attachDeviceProgram(group.directory, program)
    for (const id of old) {
      using before = programById(id)
      detachDeviceProgram(group.directory, before)
    }
  } catch (error) {
    const intent = `attach the device rules to cgroup ${group.place.path}`
    throw explained(error, { pointer: '/linux/resources/devices', intent })
  }
}
