// The rules of config.json that a schema cannot say, in one list. They ask nothing of the machine; what depends on
// it is refused by plan/ and cgroup/. A check reports every breach with its place; only parse.ts throws.
import type { Problem } from '../errors.ts'
import type { Check, Draft, Report } from './draft.ts'
import type { Spec } from './gen/types.ts'
import {
  devicesSound,
  idMappingsMatchNamespace,
  idRangesDistinct,
  maskingNeedsMountNamespace,
  maskingPathsAbsolute,
  namesNeedUts,
  namespacePathAbsolute,
  namespacesDistinct,
  netDevicesSound,
  timeOffsetsNeedNamespace,
} from './linux-checks.ts'
import { mountOwnersMapped, mountsSound } from './mount-checks.ts'
import {
  argsNameProgram,
  cwdAbsolute,
  envAssigns,
  groupsFit,
  hooksSound,
  rlimitsDistinct,
  rlimitsSoftWithinHard,
} from './process-checks.ts'
import { closIdIsName, rdmaLimitsSomething, schemaIsLine, unifiedKeysAreFiles, weightGiven } from './resource-checks.ts'
import { affinitySound, memoryPolicySound, personalityWithoutFlags, schedulerFitsPolicy } from './scheduling-checks.ts'
import { listenerMetadataNeedsPath, notifyNeedsListener, seccompSound } from './seccomp-checks.ts'

// SemVer 2.0.0, section "backus-naur form", with major version 1.
const SEMVER_1 =
  /^1\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/

const versionIsKnown: Check = ({ ociVersion }, report) => {
  if (ociVersion === undefined || SEMVER_1.test(ociVersion)) return
  report('/ociVersion', `must be a version 1.x.y of the runtime-spec; found ${JSON.stringify(ociVersion)}`)
}

const rootNotEmpty: Check = ({ root }, report) => {
  if (root?.path === '') report('/root/path', 'invalid rootfs: the path must not be empty')
}

export const CHECKS: readonly Check[] = [
  versionIsKnown,
  rootNotEmpty,
  cwdAbsolute,
  argsNameProgram,
  envAssigns,
  rlimitsDistinct,
  rlimitsSoftWithinHard,
  schedulerFitsPolicy,
  affinitySound,
  groupsFit,
  hooksSound,
  mountsSound,
  mountOwnersMapped,
  namespacesDistinct,
  namespacePathAbsolute,
  namesNeedUts,
  idMappingsMatchNamespace,
  idRangesDistinct,
  timeOffsetsNeedNamespace,
  memoryPolicySound,
  personalityWithoutFlags,
  netDevicesSound,
  maskingPathsAbsolute,
  maskingNeedsMountNamespace,
  devicesSound,
  weightGiven,
  rdmaLimitsSomething,
  unifiedKeysAreFiles,
  closIdIsName,
  schemaIsLine,
  listenerMetadataNeedsPath,
  notifyNeedsListener,
  seccompSound,
]

/** All breaches of all rules. */
export function breaches(spec: Draft<Spec>): Problem[] {
  const found: Problem[] = []
  const report: Report = (pointer, message, hint) => {
    found.push(hint === undefined ? { pointer, message } : { pointer, message, hint })
  }
  for (const check of CHECKS) check(spec, report)
  return found
}
