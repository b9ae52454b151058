// plan: the program of a bundle's init as create would make it now. Needs no privileges and changes nothing.
import { listing, listingJson } from '../program/listing.ts'
import { type CompileOptions, compile } from './compile.ts'
import { openRuntime, type Runtime } from './store.ts'

export { prepared } from './parts.ts'

export interface Plan {
  /** One line an op. */
  readonly listing: string
  /** The same for programs. */
  readonly json: unknown
}

/** The id that the listing shows where the container's would stand. */
const PLACEHOLDER = 'ID'

/** `runtime` is told the warnings. */
export function plan(options: CompileOptions, runtime: Runtime = openRuntime()): Plan {
  const { ops, rootfs, facts } = compile(runtime, PLACEHOLDER, options)
  rootfs.fd.close()
  return { listing: listing(ops, facts.architecture), json: listingJson(ops, facts.architecture) }
}
