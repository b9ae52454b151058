// All cases, in the order in which they are tried: one list a subject, each in a file of its own.
import type { Case } from './case.ts'
import { blockAndUnifiedCases } from './cases/block-and-unified.ts'
import { capabilityCases } from './cases/capabilities.ts'
import { cgroupCases } from './cases/cgroups.ts'
import { configCases } from './cases/config.ts'
import { createCases } from './cases/create.ts'
import { deleteCases } from './cases/delete.ts'
import { descriptorCases } from './cases/descriptors.ts'
import { deviceNodeCases } from './cases/devices.ts'
import { dialectCases } from './cases/dialect.ts'
import { extremeCases } from './cases/extremes.ts'
import { featureCases } from './cases/features.ts'
import { filesystemCases } from './cases/filesystems.ts'
import { hookRuleCases } from './cases/hook-rules.ts'
import { hookCases } from './cases/hooks.ts'
import { idMappedCases } from './cases/id-mapped.ts'
import { killCases } from './cases/kill.ts'
import { labelCases } from './cases/labels.ts'
import { lifecycleCases } from './cases/lifecycle.ts'
import { lookupCases } from './cases/lookup.ts'
import { mountCgroupCases } from './cases/mount-cgroups.ts'
import { mountOptionCases } from './cases/mount-options.ts'
import { mountPlaceCases } from './cases/mount-places.ts'
import { mountCases } from './cases/mounts.ts'
import { namespaceCases } from './cases/namespaces.ts'
import { netDeviceCases } from './cases/netdevices.ts'
import { processCases } from './cases/process.ts'
import { propagationCases } from './cases/propagation.ts'
import { rdtCases } from './cases/rdt.ts'
import { resourceCases } from './cases/resources.ts'
import { rootlessCases } from './cases/rootless.ts'
import { runCases } from './cases/run.ts'
import { schedulingCases } from './cases/scheduling.ts'
import { seccompCases } from './cases/seccomp.ts'
import { seccompListenerCases } from './cases/seccomp-listener.ts'
import { seccompRuleCases } from './cases/seccomp-rules.ts'
import { socketCases } from './cases/sockets.ts'
import { startCases } from './cases/start.ts'
import { stateCases } from './cases/state.ts'
import { sysctlCases } from './cases/sysctls.ts'
import { terminalCases } from './cases/terminal.ts'
import { userNamespaceCases } from './cases/user-namespaces.ts'

export const CASES: readonly Case[] = [
  ...createCases,
  ...startCases,
  ...stateCases,
  ...killCases,
  ...deleteCases,
  ...lifecycleCases,
  ...hookCases,
  ...hookRuleCases,
  ...configCases,
  ...processCases,
  ...lookupCases,
  ...terminalCases,
  ...sysctlCases,
  ...schedulingCases,
  ...labelCases,
  ...capabilityCases,
  ...filesystemCases,
  ...propagationCases,
  ...mountCases,
  ...mountOptionCases,
  ...mountPlaceCases,
  ...mountCgroupCases,
  ...idMappedCases,
  ...namespaceCases,
  ...userNamespaceCases,
  ...deviceNodeCases,
  ...cgroupCases,
  ...resourceCases,
  ...blockAndUnifiedCases,
  ...netDeviceCases,
  ...rdtCases,
  ...seccompCases,
  ...seccompRuleCases,
  ...seccompListenerCases,
  ...runCases,
  ...rootlessCases,
  ...descriptorCases,
  ...socketCases,
  ...dialectCases,
  ...extremeCases,
  ...featureCases,
]
