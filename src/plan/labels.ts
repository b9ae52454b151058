// The security modules' words for the program: process.apparmorProfile, process.selinuxLabel, linux.mountLabel.
// A label of the next execve is written right before the program's, so that no hook runs under it; to a file that was
// opened while the host's /proc was at hand, for the container's may be anything (CVE-2019-16884).
// Documents: config.md#linux-process; the kernel's admin-guide/LSM; proc_pid_attr(5).
import { type Origin, UnsupportedError } from '../errors.ts'
import { bytes, label, type Op, type Slot, syscall } from '../program/op.ts'
import { type PlanContext, slotNamed } from './context.ts'
import { openProcFile, writeProc, writeText } from './proc-file.ts'
import { atFixed, openInRoot } from './resolve.ts'

/** Of this thread, as the kernel demands it of whoever writes. */
const ATTRIBUTES = 'thread-self/attr'

const appArmorFile = (context: PlanContext): Slot => slotNamed(context, 'AppArmor profile of the next program')
const selinuxFile = (context: PlanContext): Slot => slotNamed(context, 'SELinux label of the next program')

/** Engines look for the path in these quotes. */
const appArmorOrigin = (profile: string): Origin => ({
  pointer: '/process/apparmorProfile',
  intent: `apply the AppArmor profile ${profile} by \`/proc/${ATTRIBUTES}/exec\``,
})
const selinuxOrigin = (name: string): Origin => ({
  pointer: '/process/selinuxLabel',
  intent: `set the SELinux label ${name} by \`/proc/${ATTRIBUTES}/exec\``,
})

export function planOpenLabels(context: PlanContext): Op[] {
  const { apparmorProfile, selinuxLabel } = context.spec.process
  return [
    ...(apparmorProfile ? openAppArmor(context, appArmorOrigin(apparmorProfile)) : []),
    ...(selinuxLabel
      ? [openProcFile(context, `${ATTRIBUTES}/exec`, selinuxFile(context), selinuxOrigin(selinuxLabel))]
      : []),
  ]
}

/** Linux 5.8 gave AppArmor a directory of its own, beside which another module may have the older file. */
function openAppArmor(context: PlanContext, origin: Origin): Op[] {
  const opened = label('opened')
  const file = appArmorFile(context)
  return [
    openProcFile(context, `${ATTRIBUTES}/apparmor/exec`, file, origin, { on: { errnos: ['ENOENT'] }, success: opened }),
    openProcFile(context, `${ATTRIBUTES}/exec`, file, origin),
    opened,
  ]
}

/** The descriptors are closed by execve. */
export function planLabels(context: PlanContext): Op[] {
  const { apparmorProfile, selinuxLabel } = context.spec.process
  return [
    ...(apparmorProfile
      ? [writeText(appArmorFile(context), `exec ${apparmorProfile}`, appArmorOrigin(apparmorProfile))]
      : []),
    ...(selinuxLabel ? [writeText(selinuxFile(context), selinuxLabel, selinuxOrigin(selinuxLabel))] : []),
  ]
}

/** What is made in between belongs to keys with the label of the program; '' takes it back. */
export function labelKeys(context: PlanContext, ops: readonly Op[]): readonly Op[] {
  const { selinuxLabel } = context.spec.process
  if (!selinuxLabel) return ops
  const origin = { pointer: '/process/selinuxLabel', intent: 'label the session keyring' }
  const write = (text: string): Op[] => writeProc(context, `${ATTRIBUTES}/keycreate`, text, origin)
  return [...write(selinuxLabel), ...ops, ...write('')]
}

/** As an option of mount(2): labels have commas. */
export const contextOption = (mountLabel: string): string => `context="${mountLabel}"`

/** Of a tmpfs of our own. */
export function contextData({ spec }: PlanContext): { data?: string } {
  const { mountLabel } = spec.linux ?? {}
  return mountLabel ? { data: contextOption(mountLabel) } : {}
}

/** An mqueue, which takes no context when it is mounted; `path` is where it has been. */
export function labelQueue(context: PlanContext, path: string): Op[] {
  const mountLabel = context.spec.linux?.mountLabel
  if (!mountLabel) return []
  const origin = { pointer: '/linux/mountLabel', intent: `label ${path} with ${mountLabel}` }
  const top = openInRoot(context, path, 'directory', origin)
  const { target, targetPath } = context.numbers
  const value = new TextEncoder().encode(`${mountLabel}\0`)
  const args = [targetPath, 'security.selinux', bytes(value, JSON.stringify(mountLabel)), value.length, 0]
  return [...top.ops, ...atFixed(context, top.fd, target, origin), syscall('setxattr', args, origin)]
}

const SELINUX = 'selinux label is specified in config, but selinux is disabled or not supported'

/** Before anything is made: what asks for a security module that the kernel does not run. */
export function refuseMissingModules({ spec, facts }: PlanContext): void {
  const { apparmorProfile, selinuxLabel } = spec.process
  const refuse = (where: string, message: string, hint: string) => new UnsupportedError(message, { where, hint })
  if (apparmorProfile && !facts.modules?.appArmor)
    throw refuse(
      '/process/apparmorProfile',
      'apparmor profile is specified in config, but apparmor is disabled or not supported',
      'the kernel does not run AppArmor (/sys/module/apparmor/parameters/enabled): leave the profile out',
    )
  const hint = 'the kernel does not run SELinux (/sys/fs/selinux): leave the label out'
  if (facts.modules?.selinux) return
  if (selinuxLabel) throw refuse('/process/selinuxLabel', SELINUX, hint)
  if (spec.linux?.mountLabel) throw refuse('/linux/mountLabel', SELINUX, hint)
}
