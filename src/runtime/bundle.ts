// The bundle as create and plan read it: config.json checked, the rootfs opened. Nothing is changed.
import { resolve } from 'node:path'
import { O } from '../abi/fcntl.ts'
import { SpecError, StateError, SyscallError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import type { Spec } from '../spec/gen/types.ts'
import { parseSpec } from '../spec/parse.ts'
import { CONFIG_FILE } from './container.ts'

const LARGEST_CONFIG = 16 * 1024 * 1024

export interface BundleOptions {
  /** Directory of config.json. */
  readonly bundle: string
  /** @internal What it holds, where it has been read already (parts.ts). */
  readonly read?: Bundle | undefined
}

export interface Bundle {
  /** Absolute. */
  readonly path: string
  /** config.json as it was read. */
  readonly text: Uint8Array
  readonly spec: Spec
}

export function readBundle(directory: string): Bundle {
  const path = resolve(directory)
  using bundle = openBundle(path)
  const text = readConfig(bundle, path)
  return { path, text, spec: parseSpec(text) }
}

function openBundle(path: string): Fd {
  try {
    return Fd.open(path, O.bits.O_PATH | O.bits.O_DIRECTORY)
  } catch (cause) {
    throw new StateError(`cannot open the bundle: ${messageOf(cause)}`, { where: path, cause })
  }
}

function readConfig(bundle: Fd, path: string): Uint8Array {
  const where = `${path}/${CONFIG_FILE}`
  try {
    using file = bundle.openAt(CONFIG_FILE, O.bits.O_RDONLY | O.bits.O_NONBLOCK | O.bits.O_NOCTTY)
    if (file.stat().isFile()) return file.readAll(LARGEST_CONFIG)
  } catch (cause) {
    if (isErrno(cause, 'ENOENT'))
      throw new StateError(`JSON specification file ${CONFIG_FILE} not found`, {
        where,
        hint: 'make one with "tsrunc spec", or name the bundle with --bundle',
      })
    throw new StateError(`cannot read ${CONFIG_FILE}: ${messageOf(cause)}`, { where, cause })
  }
  throw new StateError(`${CONFIG_FILE} is not a regular file`, { where })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** O_PATH; its real path is what the state shows. */
export function openRootfs(bundle: Bundle): { fd: Fd; path: string } {
  const path = resolve(bundle.path, bundle.spec.root.path)
  try {
    const fd = Fd.open(path, O.bits.O_PATH | O.bits.O_DIRECTORY)
    return { fd, path: fd.link() }
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    const reason = cause.message.slice(cause.message.lastIndexOf(': ') + 2)
    throw new SpecError('config.json', [
      {
        pointer: '/root/path',
        message: `invalid rootfs: stat ${path}: ${reason}`,
        hint: 'a directory, relative to the bundle or absolute',
      },
    ])
  }
}
