// For tests only: a plan of made-up facts, and its listing compared with a text in src/plan/fixtures/.
// With TSRUNC_WRITE_GOLDEN=1 in the environment the texts are written anew; read the diff before committing it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { newContext, type PlanContext, type PlanOptions, type Stage } from '../plan/context.ts'
import * as copying from '../plan/copying.ts'
import type { Facts } from '../plan/facts.ts'
import { listing } from '../program/listing.ts'
import type { Op } from '../program/op.ts'
import { descriptors } from '../program/sync.ts'
import type { Linux, Process, Spec } from '../spec/gen/types.ts'

/** This file runs as dist/src/dev/golden.js, the fixtures stay in the sources. */
const FIXTURES = fileURLToPath(new URL('../../../src/plan/fixtures/', import.meta.url))

export interface Given {
  readonly spec?: Partial<Omit<Spec, 'process' | 'linux'>>
  readonly process?: Partial<Process>
  readonly linux?: Linux
  readonly facts?: Partial<Facts>
  readonly options?: Partial<PlanOptions>
}

/** A small valid config: root, `sh` in /, all namespaces but user and time; `given` replaces properties of it. */
export function testSpec({ spec = {}, process = {}, linux = {} }: Given = {}): Spec {
  const kinds = ['pid', 'network', 'mount', 'ipc', 'uts', 'cgroup'] as const
  return {
    ociVersion: '1.3.0',
    root: { path: 'rootfs' },
    process: { user: { uid: 0, gid: 0 }, args: ['sh'], env: ['PATH=/usr/bin:/bin'], cwd: '/', ...process },
    linux: { namespaces: kinds.map(type => ({ type })), ...linux },
    ...spec,
  }
}

export function testFacts(facts: Partial<Facts> = {}, preserved = 0): Facts {
  return {
    architecture: 'x86_64',
    euid: 0,
    egid: 0,
    inUserNamespace: false,
    clonesMounts: (facts.euid ?? 0) === 0,
    lastCapability: 40,
    cgroup: { mode: 'v2', v1: [], v2: { mountpoint: '/sys/fs/cgroup', path: '/test' }, joins: [] },
    sources: new Map(),
    kcore: true,
    descriptors: descriptors(preserved),
    bundle: '/bundle',
    containerId: 'test',
    gate: '/state/test/gate',
    ...facts,
  }
}

export const testOptions = (options: Partial<PlanOptions> = {}): PlanOptions => ({
  noPivot: false,
  noNewKeyring: false,
  preservedFds: 0,
  extraEnv: [],
  copying,
  ...options,
})

export const testContext = (given: Given = {}): PlanContext =>
  newContext(testSpec(given), testFacts(given.facts, given.options?.preservedFds), testOptions(given.options))

/** The listing of some stages alone. */
export function stageListing(given: Given, ...stages: readonly Stage[]): string {
  const context = testContext(given)
  const ops: Op[] = stages.flatMap(stage => stage(context))
  return listing(ops, context.facts.architecture)
}

/** The text that is expected: `t.equal(text, golden('devices', text))`. */
export function golden(name: string, text: string): string {
  const file = `${FIXTURES}${name}.txt`
  if (process.env.TSRUNC_WRITE_GOLDEN === '1') {
    mkdirSync(FIXTURES, { recursive: true })
    writeFileSync(file, text)
  }
  return readFileSync(file, 'utf8')
}
