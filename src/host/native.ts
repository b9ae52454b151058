// The koffi addon, loaded by an explicit path: its own loader takes several times as long as the addon itself and
// does not survive bundling (Bun copies an embedded addon to a shared temporary directory, so it lies beside the
// executable instead). Nothing else of koffi is used; https://koffi.dev.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { UnsupportedError } from '../errors.ts'

type Koffi = typeof import('koffi')
export type NativeFunction = ReturnType<ReturnType<Koffi['load']>['func']>

const ADDON: Readonly<Record<string, readonly [name: string, folder: string]>> = {
  x64: ['koffi-linux-x64', 'linux_x64'],
  arm64: ['koffi-linux-arm64', 'linux_arm64'],
}

/** Whether this is a compiled executable; Bun shows the files inside one below this path. */
const isCompiled = (): boolean => (globalThis as { Bun?: { main: string } }).Bun?.main.startsWith('/$bunfs/') ?? false // absent under Node

/** An executable looks beside itself and in the lib directory of its prefix, never where it was once built. */
function besideExecutable(): string {
  const here = dirname(process.execPath)
  const places = [join(here, 'koffi.node'), join(here, '../lib/tsrunc/koffi.node')]
  const found = places.find(file => existsSync(file))
  if (found === undefined)
    throw new UnsupportedError('koffi.node is missing', { where: here, hint: `it belongs to ${places.join(' or ')}` })
  return found
}

function addonPath(): string {
  const [name, folder] = ADDON[process.arch] ?? []
  if (process.platform !== 'linux' || name === undefined)
    throw new UnsupportedError(`tsrunc runs on Linux on x86_64 and aarch64, not on ${process.platform} ${process.arch}`)
  if (isCompiled()) return besideExecutable()
  return createRequire(import.meta.url).resolve(`@koromix/${name}/${folder}/koffi.node`)
}

let koffi: Koffi | undefined
let library: ReturnType<Koffi['load']> | undefined

function native(): Koffi {
  if (koffi === undefined) {
    const target = { exports: {} }
    process.dlopen(target, addonPath(), constants.dlopen.RTLD_NOW)
    koffi = target.exports as Koffi // the addon's exports are what koffi's own declarations describe
  }
  return koffi
}

/** A function of the C library that this process already has. Throws when libc has no such function. */
export function declare(name: string, result: string, parameters: readonly string[]): NativeFunction {
  library ??= native().load(null)
  return library.func(name, result, [...parameters])
}

/** errno of the last call; to be read before anything else happens. */
export const lastErrno = (): number => native().errno()

export interface NativeMemory {
  readonly address: bigint
  readonly bytes: Uint8Array
}

/** Memory that never moves. It stays until `free`, after which `bytes` must not be touched. */
export function allocate(size: number): NativeMemory {
  const address = native().alloc('uint8', size) as bigint // koffi 3 pointers are bigints
  return { address, bytes: new Uint8Array(native().view(address, size)) }
}

export const free = (memory: NativeMemory): void => native().free(memory.address)
