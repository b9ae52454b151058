// The document of `features`: what this runtime does, read off the tables that do it; features.md of the spec. Engines
// decide by it, so what is not built is false or absent.
import { CAP } from '../abi/capability.ts'
import { MPOL, MPOL_F } from '../abi/scheduling.ts'
import { NAMESPACE_KINDS } from '../plan/context.ts'
import { mountOptions } from '../plan/mount-options.ts'
import type { Features } from '../spec/gen/features-types.ts'
import { OCI_VERSION } from './container.ts'
import { seccompFeatures } from './seccomp-features.ts'

const HOOKS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const

export const features = (): Features => ({
  ociVersionMin: '1.0.0',
  ociVersionMax: OCI_VERSION,
  hooks: HOOKS,
  mountOptions: [...mountOptions().keys()].sort(),
  linux: {
    namespaces: [...NAMESPACE_KINDS].sort(),
    capabilities: Object.keys(CAP),
    cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
    seccomp: seccompFeatures(),
    // what is said here is what the runtime can do, whatever this kernel has
    apparmor: { enabled: true },
    selinux: { enabled: true },
    memoryPolicy: { modes: Object.keys(MPOL.values), flags: Object.keys(MPOL_F.bits) },
    intelRdt: { enabled: true, schemata: true, monitoring: true },
    mountExtensions: { idmap: { enabled: true } },
    netDevices: { enabled: true },
  },
  annotations: {},
  potentiallyUnsafeConfigAnnotations: [],
})
