// The calls that take a directory's descriptor and a name in it (openat(2) and its family), made through node:fs: the
// path below /proc/self/fd is resolved by the kernel from the open directory itself, so it means the same. That
// spares the commands that need nothing else of libc the loading of koffi.
import { mkdirSync, openSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { attempt, fromNodeError } from './node-error.ts'
import type { Text } from './signature.ts'

/** A descriptor of a directory; what prints it says what it is. */
interface Directory {
  readonly path: string
  toString(): string
}

const shown = (name: Text): { toString(): string } => ({
  toString: () => JSON.stringify(typeof name === 'string' ? name : Buffer.from(name).toString()),
})

const octal = (mode: number): string => `0${mode.toString(8)}`

function below(directory: Directory, name: Text): string | Buffer {
  if (typeof name === 'string' ? name.includes('\0') : name.includes(0))
    throw new RangeError(`${shown(name)} holds a NUL byte`)
  const prefix = `${directory.path}/`
  return typeof name === 'string' ? prefix + name : Buffer.concat([Buffer.from(prefix), name])
}

/** The number of the new descriptor. */
export function openAt(directory: Directory, name: Text, flags: bigint, mode: number): number {
  const path = below(directory, name)
  try {
    return openSync(path, Number(flags), mode)
  } catch (error) {
    throw fromNodeError(error, {
      syscall: 'openat',
      args: [`${directory}`, `${shown(name)}`, O.format(flags), octal(mode)],
    })
  }
}

export const mkdirAt = (directory: Directory, name: Text, mode: number): void =>
  attempt('mkdirat', [directory, shown(name), octal(mode)], () => mkdirSync(below(directory, name), mode))

export const renameAt = (directory: Directory, from: Text, to: Text, other = directory): void =>
  attempt('renameat', [directory, shown(from), other, shown(to)], () =>
    renameSync(below(directory, from), below(other, to)),
  )

export const unlinkAt = (directory: Directory, name: Text): void =>
  attempt('unlinkat', [directory, shown(name), '0'], () => unlinkSync(below(directory, name)))

export const rmdirAt = (directory: Directory, name: Text): void =>
  attempt('unlinkat', [directory, shown(name), 'AT_REMOVEDIR'], () => rmdirSync(below(directory, name)))
