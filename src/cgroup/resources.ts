// Every property of linux.resources → the files of cgroup v1 and v2, one row a property, in the order of writing.
// The rows are in fields/; device rules have files of their own (devices.ts); apply.ts does the writing.
// Document: config-linux.md "Control groups".
import type { Resources } from '../spec/gen/types.ts'
import { BLOCK_IO } from './fields/block-io.ts'
import { CPU } from './fields/cpu.ts'
import { MEMORY } from './fields/memory.ts'
import { OTHERS } from './fields/others.ts'
import { type Integer, inRange, type Row, refused } from './fields/row.ts'
import type { Write } from './write.ts'

export type Version = 'v1' | 'v2'

export const ROWS: readonly Row[] = [...MEMORY, ...CPU, ...BLOCK_IO, ...OTHERS]

/** All writes in order; `version` tells which cgroup version has a controller, given its name in v1. */
export function resourceWrites(resources: Resources, version: (controller: string) => Version): Write[] {
  const writes: Write[] = []
  for (const row of ROWS) {
    const value = row.value(resources)
    if (value === undefined || row.unset?.(value)) continue
    const pointer = `/linux/resources/${row.field}`
    if (row.range !== undefined) inRange(value as Integer, row.range, pointer) // only rows of numbers have a range
    const rule = row[version(row.controller)]
    if (typeof rule === 'function') writes.push(...rule(value, pointer, resources))
    else if ('refused' in rule) throw refused(rule.refused, pointer)
  }
  return writes
}
