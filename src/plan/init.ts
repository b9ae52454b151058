// The program of a container's init: its stages in the order in which they run, each with the reason for its place.
// The first process (A) makes the namespaces; from planFork on everything is done by the container's init (B), which
// is the same process when neither a pid nor a time namespace is asked for.
import type { Op } from '../program/op.ts'
import type { Spec } from '../spec/gen/types.ts'
import { planBoundingSet, planCapabilities, planKeepCapabilities } from './capabilities.ts'
import { planCgroupNamespace, planJoinCgroups } from './cgroup-membership.ts'
import { planConsole } from './console.ts'
import { newContext, type PlanContext, type PlanOptions, type Stage } from './context.ts'
import { planDescriptorLimit } from './descriptor-limit.ts'
import { planDevices } from './devices.ts'
import type { Facts } from './facts.ts'
import { planExec, planGate, planOwnGate } from './gate.ts'
import { planCreateContainerHooks, planHostHooks, planStartContainerHooks } from './hooks.ts'
import { planUser } from './identity.ts'
import { planOpenLabels, refuseMissingModules } from './labels.ts'
import { planHostLimits, planLimits } from './limits.ts'
import { planProgram } from './lookup.ts'
import { planLoopback, planNetDevices } from './loopback.ts'
import { planMounts } from './mounts.ts'
import { planBegin, planFork, planNamespaces } from './namespaces.ts'
import { planPaths } from './paths.ts'
import {
  planCloseDescriptors,
  planMakeWorkingDirectory,
  planNoNewPrivileges,
  planOomScore,
  planPersonality,
  planUmask,
  planUserWorkingDirectory,
  planWorkingDirectory,
} from './process.ts'
import { planAttachRootfs, planEnterRoot, planFinalMounts } from './rootfs.ts'
import { planHostScheduling, planScheduling } from './scheduling.ts'
import { planListener } from './seccomp.ts'
import { planSession } from './session.ts'
import { planHostSources, planOwnSources } from './sources.ts'
import { planStdio } from './stdio.ts'
import { planHostname, planSysctl } from './sysctl.ts'

const STAGES: readonly Stage[] = [
  // ---- A, in the host's namespaces ----
  planBegin, // waits until the host is ready for it, or else the fork does
  planJoinCgroups, // from here on what the set-up costs is the container's
  planOomScore, // before the user namespace: lowering the score takes a privilege of the host
  planHostScheduling, // the same
  planHostLimits, // only with a new user namespace, for the same reason: hard limits are raised here
  planHostSources, // clones of rootfs and bind sources: in a user namespace the paths to them may be closed to us
  planNamespaces, // user first, it owns the others; mount last, paths of the others are of the host
  planFork, // pid and time namespaces take effect for children only, and a child can be born in a cgroup
  // ---- B ----
  planCgroupNamespace, // once in the cgroup: it becomes the root of what can be seen
  planSession, // setsid and the keyring, before any program of the container could share the host's
  planLoopback,
  planNetDevices, // before hooks, which may want to set them up
  planOwnSources, // with a user namespace: what planHostSources had to leave to its root
  planOwnGate, // while paths are the host's
  planAttachRootfs, // cuts propagation to the host before the first mount
  planMounts, // in listed order
  planDevices, // after the mounts: /dev is one of them
  planConsole, // after /dev/pts is mounted
  planHostHooks, // the spec: after the namespaces and mounts are there, before the root is entered
  planCreateContainerHooks, // the spec: the same, in the container's namespaces
  planSysctl, // through the host's /proc: the container's own may be masked, read-only or faked by its image
  planHostname,
  planMakeWorkingDirectory, // before the root becomes read-only
  planPaths, // after hooks, which may add mounts
  planOpenLabels, // before the host's /proc is closed
  planEnterRoot,
  planFinalMounts, // read-only root and tmpfs: last, everything above had to write there
  planWorkingDirectory, // first time as root: its parents may be closed to the user
  planDescriptorLimit, // what planHostSources raised
  planLimits, // after the set-up, which needs more descriptors than the program may be allowed
  planStdio, // before the switch of user: chown
  planScheduling, // before the switch of user: takes CAP_SYS_NICE; after all that the set-up starts
  planPersonality,
  planBoundingSet, // before the switch of user: takes CAP_SETPCAP
  planKeepCapabilities, // so that the switch of user does not drop all sets
  planUser, // groups first, ids after: setgroups takes CAP_SETGID
  planCapabilities,
  planNoNewPrivileges,
  planUmask,
  planUserWorkingDirectory, // again, where root may not go; and it must lie below the root
  planProgram, // a missing program fails create, not start
  planCloseDescriptors,
  planListener, // a seccomp filter that somebody listens to: create hands its descriptor over
  planGate, // READY, then waits for start
  planStartContainerHooks,
  planExec, // right before it any other seccomp filter, so that it forbids us nothing else
]

/** `context` is for callers that want to know of it what the stages have left there: warnings. */
export function planInit(
  spec: Spec,
  facts: Facts,
  options: PlanOptions,
  context: PlanContext = newContext(spec, facts, options),
): Op[] {
  refuseMissingModules(context)
  const ops: Op[] = []
  // one by one: what is spread goes over the stack, which thousands of mounts overflow
  for (const stage of STAGES) for (const op of stage(context)) ops.push(op)
  context.filter?.check(ops)
  return ops
}
