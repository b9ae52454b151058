// The koffi addon, loaded by the path that addon.ts knows: its own loader takes several times as long as the addon
// itself and does not survive bundling. Nothing else of koffi is used; https://koffi.dev.
import { UnsupportedError } from '../errors.ts'
import { addonPath } from './addon.ts'

type Koffi = typeof import('koffi')
export type NativeFunction = ReturnType<ReturnType<Koffi['load']>['func']>

// dlopen(3): functions are bound when they are first called; symbols are looked for in the addon and its libraries first,
// which for the thousands of the C++ library takes half the time. Node has a C++ library of its own, with which the
// addon then has to agree.
const RTLD_LAZY = 1
const RTLD_DEEPBIND = 8
const isEngineOurs = 'bun' in process.versions

let koffi: Koffi | undefined
let library: ReturnType<Koffi['load']> | undefined

function native(): Koffi {
  if (koffi === undefined) {
    const path = addonPath()
    const target = { exports: {} }
    try {
      process.dlopen(target, path, isEngineOurs ? RTLD_LAZY | RTLD_DEEPBIND : RTLD_LAZY)
    } catch (cause) {
      throw new UnsupportedError(`koffi cannot be loaded: ${cause instanceof Error ? cause.message : cause}`, {
        where: path,
        isInConfig: false,
        cause,
      })
    }
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
