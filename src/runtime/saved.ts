// state.json: what the verbs after create must know of a container. Read back with every field checked, because it
// may have been cut short by a crash or edited by hand; what it says about the container being alive is only ever a
// claim (container.ts derives the status).
import type { SavedCgroup } from '../cgroup/manager.ts'
import { type Problem, StateError } from '../errors.ts'
import type { Hook } from '../spec/gen/types.ts'
import type { SavedRdt } from './resctrl.ts'

/** A process that is told apart from a later one with the same pid by its start time in clock ticks. */
export interface ProcessId {
  readonly pid: number
  readonly startTime: string
}

export interface SavedState {
  readonly version: 1
  readonly id: string
  readonly status: 'creating' | 'created'
  readonly bundle: string
  readonly rootfs: string
  /** RFC 3339, UTC. */
  readonly created: string
  /** The user on the host who created it. */
  readonly owner: number
  /** The runtime process that creates, or created, the container. */
  readonly creator: ProcessId
  /** Absent until there is one. */
  readonly init?: ProcessId
  /** It was in the container's cgroup when it was first seen. */
  readonly initInCgroup?: boolean
  /** Init's number for the file that hooks inside the container print to. */
  readonly hookOutput?: number
  readonly ownPidNamespace: boolean
  readonly cgroup: SavedCgroup
  /** Before this is true the groups, should they exist, may hold processes that are not ours. */
  readonly cgroupMade: boolean
  /** Absent without intelRdt. */
  readonly rdt?: SavedRdt
  readonly annotations: Readonly<Record<string, string>>
  /** Those that run on the host after create. */
  readonly hooks: { readonly poststart: readonly Hook[]; readonly poststop: readonly Hook[] }
}

/** What `state` and `list` show, or need to know in order to show it; `cgroup` where init is alive. */
export type ShownState = Pick<
  SavedState,
  'version' | 'id' | 'status' | 'bundle' | 'rootfs' | 'created' | 'owner' | 'annotations' | 'init' | 'initInCgroup'
>

/** In two lines, so that whoever lists many containers need not parse all of each: the first one is what is shown. */
export function encodeState(state: SavedState): string {
  const { version, id, status, bundle, rootfs, created, owner, annotations, init, initInCgroup, ...rest } = state
  const shown: ShownState = {
    version,
    id,
    status,
    bundle,
    rootfs,
    created,
    owner,
    annotations,
    ...(init && { init }),
    ...(initInCgroup !== undefined && { initInCgroup }),
  }
  return `${JSON.stringify(shown).slice(0, -1)},\n${JSON.stringify(rest).slice(1)}\n`
}

/** undefined when another runtime that shares our root wrote the text. Throws StateError that names what is wrong. */
export function decodeState(text: string, id: string): SavedState | undefined {
  const damaged = (what: string): StateError =>
    new StateError(`container ${id}: state.json is damaged: ${what}`, {
      hint: `remove the container with "delete --force ${id}"`,
    })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw damaged(text.trim() === '' ? 'it is empty' : 'it is not JSON, or was cut short')
  }
  if (isForeignValue(value)) return undefined
  const problems: Problem[] = []
  STATE('', value, problems)
  const [first] = problems
  if (first !== undefined) throw damaged(`${first.pointer || 'the document'}: ${first.message}`)
  const state = value as SavedState // the rules below have just checked it
  if (state.id !== id) throw damaged(`/id: found ${JSON.stringify(state.id)}, must be ${JSON.stringify(id)}`)
  return state
}

/** What state.json says of the cgroup, from a file of its own; undefined when that is damaged. */
export const decodeCgroup = (text: string): SavedCgroup | undefined => decode<SavedCgroup>(text, CGROUP)

/** The same for resctrl. */
export const decodeRdt = (text: string): SavedRdt | undefined => decode<SavedRdt>(text, RDT)

function decode<Saved>(text: string, holds: Rule): Saved | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const problems: Problem[] = []
    holds('', value, problems)
    return problems.length === 0 ? (value as Saved) : undefined // the rules have just checked it
  } catch {
    return undefined
  }
}

/** Whether the text is the state of a container of another runtime that shares our root. */
export function isForeignState(text: string): boolean {
  try {
    return isForeignValue(JSON.parse(text))
  } catch {
    return false
  }
}

const isForeignValue = (value: unknown): boolean =>
  isObject(value) && !('version' in value) && 'init_process_pid' in value

// ---- rules ----

type Rule = (pointer: string, value: unknown, problems: Problem[]) => void

const SHOWN = 40
function found(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

const rule =
  (allowed: string, holds: (value: unknown) => boolean): Rule =>
  (pointer, value, problems) => {
    if (!holds(value)) problems.push({ pointer, message: `found ${found(value)}, must be ${allowed}` })
  }

const isText = (value: unknown): value is string => typeof value === 'string'
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const oneOf = (...allowed: unknown[]): Rule =>
  rule(allowed.map(each => JSON.stringify(each)).join(' or '), value => allowed.includes(value))
const text = rule('a string', isText)
const path = rule(
  'an absolute path without ".."',
  value => isText(value) && value.startsWith('/') && !value.includes('\0') && !value.split('/').includes('..'),
)
const below = rule(
  'a relative path without ".."',
  value => isText(value) && !value.includes('\0') && value.split('/').every(name => !['', '.', '..'].includes(name)),
)
const boolean = rule('true or false', value => typeof value === 'boolean')
const positive = rule('a positive integer', value => Number.isSafeInteger(value) && Number(value) > 0)
const natural = rule('an integer from 0 on', value => Number.isSafeInteger(value) && Number(value) >= 0)
const digits = rule('a string of digits', value => isText(value) && /^[0-9]{1,20}$/.test(value))
const time = rule('a time as RFC 3339 has it', value => isText(value) && !Number.isNaN(Date.parse(value)))

const optional =
  (inner: Rule): Rule =>
  (pointer, value, problems) => {
    if (value !== undefined) inner(pointer, value, problems)
  }

const list =
  (item: Rule): Rule =>
  (pointer, value, problems) => {
    if (!Array.isArray(value)) problems.push({ pointer, message: `found ${found(value)}, must be an array` })
    else for (const [index, each] of value.entries()) item(`${pointer}/${index}`, each, problems)
  }

const object = (fields: Readonly<Record<string, Rule>>): Rule => {
  const rules = Object.entries(fields)
  return (pointer, value, problems) => {
    if (!isObject(value)) problems.push({ pointer, message: `found ${found(value)}, must be an object` })
    else for (const [name, inner] of rules) inner(`${pointer}/${name}`, value[name], problems)
  }
}

const textMap = rule(
  'an object whose values are strings',
  value => isObject(value) && Object.values(value).every(isText),
)

const PROCESS = object({ pid: positive, startTime: digits })
const HOOK = object({
  path: text,
  args: optional(list(text)),
  env: optional(list(text)),
  timeout: optional(positive),
})
const CGROUP = object({
  mode: oneOf('v1', 'hybrid', 'v2', 'none'),
  directories: list(object({ controllers: text, mountpoint: path, directory: path, inode: optional(digits) })),
})
const RDT = object({ mountpoint: path, directories: list(below) })
const STATE = object({
  version: oneOf(1),
  id: text,
  status: oneOf('creating', 'created'),
  bundle: path,
  rootfs: path,
  created: time,
  owner: natural,
  creator: PROCESS,
  init: optional(PROCESS),
  initInCgroup: optional(boolean),
  hookOutput: optional(positive),
  ownPidNamespace: boolean,
  cgroup: CGROUP,
  cgroupMade: boolean,
  rdt: optional(RDT),
  annotations: textMap,
  hooks: object({ poststart: list(HOOK), poststop: list(HOOK) }),
})
