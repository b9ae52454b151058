// Where koffi's native file is. Under Node in its npm package; a packaged executable has it beside itself or in the
// lib directory of its prefix, and looks nowhere else: neither where it was once built nor, as Bun does with an
// embedded addon, in a temporary directory that others can write to. The kernel says where the executable is; what
// its caller put into argv[0] does not matter.
import { type Stats, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { UnsupportedError } from '../errors.ts'

const PACKAGE: Readonly<Record<string, readonly [name: string, folder: string]>> = {
  x64: ['koffi-linux-x64', 'linux_x64'],
  arm64: ['koffi-linux-arm64', 'linux_arm64'],
}

/** Group and others may write. */
const SHARED = 0o022

/** Whether this is a packaged executable; Bun shows the files inside one below this path. */
const isPackaged = (): boolean => (globalThis as { Bun?: { main: string } }).Bun?.main.startsWith('/$bunfs/') ?? false // absent under Node

const found = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false })

/** What is loaded into a process of root's must be as hard to change as the program itself. */
export function checkAddon(path: string, addon: Stats, executable: Stats | undefined): void {
  const fault = !addon.isFile()
    ? 'is not a regular file'
    : addon.uid !== 0 && addon.uid !== executable?.uid
      ? `belongs to user ${addon.uid}`
      : addon.mode & SHARED
        ? 'may be written by other users'
        : undefined
  if (fault === undefined) return
  throw new UnsupportedError(`${path} ${fault}`, {
    where: path,
    isInConfig: false,
    hint: 'it must be a file that only root, or the owner of the executable, can write: install both again',
  })
}

function besideExecutable(): string {
  const here = dirname(process.execPath)
  const places = [join(here, 'koffi.node'), join(here, '../lib/tsrunc/koffi.node')]
  for (const path of places) {
    const addon = found(path)
    if (addon === undefined) continue
    checkAddon(path, addon, addon.uid === 0 ? undefined : found(process.execPath))
    return path
  }
  throw new UnsupportedError('koffi.node is missing', {
    where: here,
    isInConfig: false,
    hint: `it belongs to the executable, as ${places.join(' or ')}`,
  })
}

export function addonPath(): string {
  const [name, folder] = PACKAGE[process.arch] ?? []
  if (process.platform !== 'linux' || name === undefined)
    throw new UnsupportedError(`tsrunc runs on Linux on x86_64 and aarch64, not on ${process.platform} ${process.arch}`)
  if (isPackaged()) return besideExecutable()
  return createRequire(import.meta.url).resolve(`@koromix/${name}/${folder}/koffi.node`)
}
