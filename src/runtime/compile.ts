// From a bundle to the program of its init: everything that create and plan do alike, and that changes nothing.
import type { NewCgroupManager } from '../cgroup/manager.ts'
import { newCgroup } from '../cgroup/new-cgroup.ts'
import { UnsupportedError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { newContext, type PlanOptions } from '../plan/context.ts'
import type { Facts } from '../plan/facts.ts'
import { planInit } from '../plan/init.ts'
import { forks } from '../plan/namespaces.ts'
import type { Op } from '../program/op.ts'
import { type Bundle, type BundleOptions, openRootfs, readBundle } from './bundle.ts'
import { gatherFacts } from './facts.ts'
import type { RdtGroup } from './intel-rdt.ts'
import { listenFds } from './listen-fds.ts'
import { NOTIFY_VARIABLE, wantsNotify, withNotify, withNotifySource, withoutNotifyPointer } from './notify.ts'
import { part } from './parts.ts'
import type { Runtime } from './store.ts'

export interface CompileOptions extends BundleOptions {
  /** Move the root mount instead of pivot_root. */
  readonly noPivot?: boolean | undefined
  /** Keep the session keyring of the caller. */
  readonly noNewKeyring?: boolean | undefined
  /** How many descriptors of this process, from 3 on, the program gets. */
  readonly preserveFds?: number | undefined
  /**
   * Soft limit of open descriptors for a container whose config names none: an engine may have raised that of this
   * process, which is what it gets otherwise.
   */
  readonly descriptorLimit?: bigint | undefined
  /** @internal Changes the program before it is assembled: for tests. */
  readonly transform?: ((ops: Op[]) => Op[]) | undefined
}

export interface Compiled {
  readonly bundle: Bundle
  readonly rootfs: { readonly fd: Fd; readonly path: string }
  readonly cgroup: NewCgroupManager
  readonly rdt: RdtGroup | undefined
  readonly facts: Facts
  readonly preserved: number
  /** It gets a socket to say on that it is ready. */
  readonly notify: boolean
  readonly ops: Op[]
  /** Whether the launched process makes another one, which becomes init. */
  readonly forks: boolean
}

export function compile(runtime: Runtime, id: string, options: CompileOptions): Compiled {
  const bundle = options.read ?? readBundle(options.bundle)
  const { spec } = bundle
  const rootfs = openRootfs(bundle)
  try {
    const cgroupsPath = spec.linux?.cgroupsPath
    const cgroup = newCgroup({ id, cgroupsPath: cgroupsPath || undefined, optional: runtime.rootless })
    cgroup.check(spec.linux?.resources)
    const intelRdt = spec.linux?.intelRdt
    const rdt = intelRdt && part('intelRdt').rdtGroup(id, intelRdt)
    const listen = listenFds(runtime.environment)
    const preserved = listen.count + (options.preserveFds ?? 0)
    const notify = wantsNotify(runtime, spec)
    const input = { bundle, rootfs, cgroup, rdt, preserved, notify }
    return { ...input, ...program(runtime, id, options, { ...input, variables: listen.variables }) }
  } catch (error) {
    rootfs.fd.close()
    throw error
  }
}

interface Input extends Pick<Compiled, 'bundle' | 'rootfs' | 'cgroup' | 'preserved' | 'notify'> {
  /** Beside those of the config. */
  readonly variables: readonly string[]
}

function program(
  runtime: Runtime,
  id: string,
  options: CompileOptions,
  { bundle, rootfs, cgroup, preserved, notify, variables }: Input,
): Pick<Compiled, 'facts' | 'ops' | 'forks'> {
  const { noPivot = false, noNewKeyring = false, descriptorLimit, transform } = options
  const directory = `${runtime.root}/${id}`
  const spec = notify ? withNotify(bundle.spec, directory) : bundle.spec
  const request = { id, bundle: bundle.path, directory, spec, rootfs: rootfs.fd, cgroup, preserved, noPivot }
  const found = gatherFacts({ ...request, descriptorLimit })
  const facts = notify ? { ...found, sources: withNotifySource(spec, found.sources) } : found
  const planOptions: PlanOptions = {
    noPivot,
    noNewKeyring,
    preservedFds: preserved,
    extraEnv: notify ? [...variables, NOTIFY_VARIABLE] : variables,
    filter: spec.linux?.seccomp && part('seccomp').filterPlanner(spec),
    copying: facts.copied && part('rareMounts').copying,
  }
  const context = newContext(spec, facts, planOptions)
  const all = planInit(spec, facts, planOptions, context)
  const ops = notify ? withoutNotifyPointer(all, spec) : all
  for (const { pointer, message } of context.warnings) runtime.warn(new UnsupportedError(message, { where: pointer }))
  return { facts, ops: transform?.(ops) ?? ops, forks: forks(context) }
}
