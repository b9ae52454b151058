// What a plan must know of the machine. Filled by runtime/facts.ts; a plan never asks by itself, so that the same
// config and the same facts always give the same program.
import type { Descriptors } from '../program/sync.ts'

export type Architecture = 'x86_64' | 'aarch64'

/** A mounted v1 hierarchy as found in /proc/self/mountinfo. */
export interface V1Hierarchy {
  /** "cpu,cpuacct", "memory", "name=systemd". */
  readonly controllers: string
  /** Where the host has it: "/sys/fs/cgroup/memory". */
  readonly mountpoint: string
  /** The container's own group below the mountpoint, absolute in the hierarchy: "/user/abc". */
  readonly path: string
}

/** A group that the container's processes belong to. */
export interface CgroupJoin {
  /** Its path on the host: "/sys/fs/cgroup/memory/user/abc". */
  readonly directory: string
  readonly isV2: boolean
  /** False where the host may keep us out: v1 hierarchies without a controller, the v2 tree of a hybrid host. */
  readonly required: boolean
}

export interface CgroupFacts {
  readonly mode: 'v1' | 'hybrid' | 'v2' | 'none'
  /** Mounted v1 hierarchies in the host's order; empty on v2. */
  readonly v1: readonly V1Hierarchy[]
  /** The v2 tree (also /sys/fs/cgroup/unified of a hybrid host) and the container's group in it. */
  readonly v2?: { readonly mountpoint: string; readonly path: string }
  /** The container gets no groups of its own and stays in those of the caller, which it must not change. */
  readonly inherited?: boolean
  /** What init has to join by itself; empty where somebody else puts it there. */
  readonly joins: readonly CgroupJoin[]
}

export type SourceKind = 'directory' | 'file' | 'missing'

/** How a mount of the config is id-mapped. */
export interface IdMapped {
  /** What the config says it with: a JSON Pointer. */
  readonly pointer: string
  /** For all mounts of the tree. */
  readonly recursive: boolean
  /** Number of a descriptor of the user namespace that has the maps. */
  readonly namespace: number
  /** The file system of the source, if it could be told: for errors. */
  readonly fsType?: string | undefined
}

/** Something that a tmpfs copies of the directory that it covers. */
export interface Copied {
  /** Relative to the directory. Bytes, where they are no UTF-8. */
  readonly path: string | Uint8Array
  readonly kind: 'directory' | 'file' | 'link' | 'node'
  /** With the bits of the kind. */
  readonly mode: number
  /** When it was changed last: tv_sec, tv_nsec. */
  readonly seconds: bigint
  readonly nanoseconds: bigint
  /** Of a link. */
  readonly target?: string | Uint8Array
  /** Of a node, as mknod(2) wants it. */
  readonly device?: bigint
}

export interface Facts {
  readonly architecture: Architecture
  readonly euid: number
  readonly egid: number
  /** Root of this process is root of a user namespace only: devices cannot be made, whatever the config says. */
  readonly inUserNamespace: boolean
  /** Whether mounts of the host may be cloned: CAP_SYS_ADMIN over its mount namespace. */
  readonly clonesMounts: boolean
  /** Number of the last capability that this kernel knows. */
  readonly lastCapability: number
  /** The capabilities that init can have; absent where it can have all, as in every user namespace. */
  readonly capabilities?: readonly number[]
  /** Security modules that run; asked for only where the config has a label or profile. */
  readonly modules?: { readonly appArmor: boolean; readonly selinux: boolean }
  /** Memory nodes of the machine, "0-3,7"; empty where the kernel does not say; asked for only by a memory policy. */
  readonly memoryNodes?: string
  /** Namespaces to join that are the caller's own; asked for only by sysctls. */
  readonly hostNamespaces?: readonly string[]
  readonly cgroup: CgroupFacts
  /** Kind of each bind mount's source, by the JSON Pointer of the mount. */
  readonly sources: ReadonlyMap<string, SourceKind>
  /** By the JSON Pointer of the mount; absent when there is none. */
  readonly idMapped?: ReadonlyMap<string, IdMapped>
  /** What a source is that is a link and asked to be copied, by the JSON Pointer of the mount: where it leads. */
  readonly links?: ReadonlyMap<string, string>
  /** By the JSON Pointer of a tmpfs with tmpcopyup: a directory comes before what it holds. Absent: nothing is there. */
  readonly copied?: ReadonlyMap<string, readonly Copied[]>
  /**
   * Where the destination of a mount leads when the links of the image are followed as far as they go, by the JSON
   * Pointer of the mount; only where a link is in the way. A link to something that is not there yet (/etc/resolv.conf
   * of many images) has to be followed to make it. The image may lie: it is a path to be resolved like any other.
   */
  readonly targets?: ReadonlyMap<string, string>
  /** Where else than on /proc and /sys the host shows whole proc and sysfs file systems; only without pivot_root. */
  readonly kernelMounts?: readonly string[]
  /** Of open descriptors, where the caller's is not the one that init starts with. */
  readonly descriptorLimit?: { readonly soft: bigint; readonly hard: bigint }
  /** HOME of process.user in the container's /etc/passwd, if it has one. */
  readonly home?: string
  /** Whether /proc/kcore exists (runc links /dev/core to it only then). */
  readonly kcore: boolean
  readonly descriptors: Descriptors
  readonly bundle: string
  readonly containerId: string
  /** Where the gate will lie; a plan needs it only where the host may not clone mounts. */
  readonly gate: string
}
