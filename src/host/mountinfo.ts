// The mounts that a process sees: proc_pid_mountinfo(5).
import { readFileSync } from 'node:fs'
import { attempt } from './node-error.ts'

export interface MountEntry {
  readonly id: number
  readonly parent: number
  /** "8:1" */
  readonly device: string
  /** The directory of the file system that is mounted here. */
  readonly root: string
  readonly mountPoint: string
  /** Of this mount: "rw", "nosuid", "relatime". */
  readonly options: readonly string[]
  /** "shared:2", "master:1", "propagate_from:3", "unbindable"; empty when private. */
  readonly propagation: readonly string[]
  readonly type: string
  readonly source: string
  /** Of the file system. */
  readonly superOptions: readonly string[]
}

/** In the order of the kernel: a later entry on the same mount point lies on top. */
export const mountEntries = (process: number | 'self' = 'self'): MountEntry[] => parseMountinfo(read(process))

/** Those whose line holds one of the words, and maybe others: hosts have hundreds. */
export const mountEntriesWith = (words: readonly string[]): MountEntry[] =>
  linesOf(read('self'))
    .filter(line => words.some(word => line.includes(word)))
    .map(parseLine)

function read(process: number | 'self'): string {
  const path = `/proc/${process}/mountinfo`
  return attempt('read', [JSON.stringify(path)], () => readFileSync(path, 'utf8'))
}

export const parseMountinfo = (text: string): MountEntry[] => linesOf(text).map(parseLine)

const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '')

function parseLine(line: string): MountEntry {
  const [before = '', after = ''] = line.split(' - ', 2)
  const [id = '', parent = '', device = '', root = '', mountPoint = '', options = '', ...propagation] =
    before.split(' ')
  const [type = '', source = '', superOptions = ''] = after.split(' ')
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(','),
    propagation,
    type: unescapeOctal(type),
    source: unescapeOctal(source),
    superOptions: unescapeOctal(superOptions).split(','),
  }
}

/** Blank, tab, line feed and backslash are written as \040 and the like. */
const unescapeOctal = (text: string): string =>
  text.includes('\\')
    ? text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : text
