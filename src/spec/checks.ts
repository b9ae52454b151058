// The rules of config.json that a schema cannot say, in one list. They ask nothing of the machine; what depends on
// it is refused by plan/ and cgroup/. A check returns every breach with its place; only parse.ts throws.
import type { Problem } from '../errors.ts'
import { type Draft, unless } from './draft.ts'
import type { Spec } from './gen/types.ts'
import {
  deviceNumbersGiven,
  devicePathAbsolute,
  idMappingsMatchNamespace,
  idRangesDistinct,
  maskingNeedsMountNamespace,
  maskingPathsAbsolute,
  namesNeedUts,
  namespacePathAbsolute,
  namespacesDistinct,
  netDevicesNeedNamespace,
  timeOffsetsNeedNamespace,
} from './linux-checks.ts'
import {
  bindHasSource,
  destinationBelowRoot,
  mappedMountIsBind,
  mountHasType,
  mountMappingsPaired,
} from './mount-checks.ts'
import {
  argsNameProgram,
  cwdAbsolute,
  envAssigns,
  hookEnvAssigns,
  hookPathAbsolute,
  rlimitSoftWithinHard,
  rlimitsDistinct,
  schedulerFitsPolicy,
} from './process-checks.ts'
import { closIdIsName, rdmaLimitsSomething, unifiedKeysAreFiles, weightGiven } from './resource-checks.ts'
import { errnoNeedsAction, listenerMetadataNeedsPath, notifyNeedsListener } from './seccomp-checks.ts'

export type Check = (spec: Draft<Spec>) => Problem[]

// SemVer 2.0.0, section "backus-naur form", with major version 1.
const SEMVER_1 =
  /^1\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/

const versionIsKnown: Check = ({ ociVersion }) =>
  unless(
    ociVersion === undefined || SEMVER_1.test(ociVersion),
    '/ociVersion',
    `must be a version 1.x.y of the runtime-spec; found ${JSON.stringify(ociVersion)}`,
  )

const rootNotEmpty: Check = ({ root }) =>
  unless(root?.path !== '', '/root/path', 'invalid rootfs: the path must not be empty')

export const CHECKS: readonly Check[] = [
  versionIsKnown,
  rootNotEmpty,
  cwdAbsolute,
  argsNameProgram,
  envAssigns,
  rlimitsDistinct,
  rlimitSoftWithinHard,
  schedulerFitsPolicy,
  hookPathAbsolute,
  hookEnvAssigns,
  destinationBelowRoot,
  bindHasSource,
  mountHasType,
  mountMappingsPaired,
  mappedMountIsBind,
  namespacesDistinct,
  namespacePathAbsolute,
  namesNeedUts,
  idMappingsMatchNamespace,
  idRangesDistinct,
  timeOffsetsNeedNamespace,
  netDevicesNeedNamespace,
  maskingPathsAbsolute,
  maskingNeedsMountNamespace,
  devicePathAbsolute,
  deviceNumbersGiven,
  weightGiven,
  rdmaLimitsSomething,
  unifiedKeysAreFiles,
  closIdIsName,
  listenerMetadataNeedsPath,
  notifyNeedsListener,
  errnoNeedsAction,
]
