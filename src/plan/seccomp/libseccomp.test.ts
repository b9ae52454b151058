// Compares our filters with those of the machine's libseccomp, both run by the interpreter.
import t, { type Test } from 'tap'
import type { Architecture } from '../../abi/architecture.ts'
import { SpecError } from '../../errors.ts'
import type { Seccomp, SyscallArg } from '../../spec/gen/types.ts'
import { compileSeccomp } from './compile.ts'
import { run } from './fixtures/interpreter.ts'
import { LibSeccomp } from './fixtures/libseccomp.ts'
import { ABIS, type Abi, Profile } from './fixtures/meaning.ts'
import { argumentsFor, numbers, profile, type Random, random, type Wishes } from './fixtures/random.ts'

let lib: LibSeccomp | undefined
let skip: string | false = false
try {
  lib = new LibSeccomp()
} catch (error) {
  skip = `no libseccomp.so.2: ${error instanceof Error ? error.message : error}`
}
const library = (): LibSeccomp => lib as LibSeccomp // the tests that ask are skipped without it

t.test('the numbers of system calls are those of libseccomp', { skip }, t => {
  for (const abi of Object.values(ABIS)) {
    const wrong: string[] = []
    let compared = 0
    for (const [nr, name] of abi.numbers) {
      const theirs = library().number(abi, name)
      // Names that it does not know yet, and calls that it has pseudo numbers for.
      if (theirs === undefined || theirs < 0) continue
      compared++
      if (theirs !== nr) wrong.push(`${name}: ${nr}, ${theirs}`)
    }
    t.same(wrong, [], `${abi.name}: ${compared} of ${abi.numbers.size} compared with ${library().version}`)
    t.ok(compared > abi.numbers.size * 0.85)
  }
  t.end()
})

const CALLS = [...numbers()]
const ENOSYS = 0x50026

const isBound = ({ op }: SyscallArg): boolean => /_(LT|LE|GT|GE)$/.test(op)

/** Why the two may differ there. */
function reason(meaning: Profile, abi: Abi | null, nr: number): string | undefined {
  const name = abi?.numbers.get(nr)
  if (abi === null || name === undefined) return undefined
  const number = library().number(abi, name)
  if (number === undefined || (number < 0 && abi !== ABIS.x86)) return 'it is older than the call'
  if (name === 'ipc' || name === 'socketcall') return 'it looks for arguments where socketcall(2) and ipc(2) have none'
  const bounds = meaning.conditions(name).flatMap(args => args.filter(isBound).map(({ index }) => index))
  if (new Set(bounds).size < bounds.length) return 'it merges several bounds of one argument wrongly'
  return undefined
}

/** Our verdicts that are not libseccomp's; undefined where it refuses the profile. */
function differences(seccomp: Seccomp, machine: Architecture, chance: Random, isWide: boolean): string[] | undefined {
  const meaning = new Profile(seccomp)
  const abis = machine === 'x86_64' ? [ABIS.x86_64, ABIS.x32, ABIS.x86] : [ABIS.aarch64, ABIS.arm]
  const theirs = new Map<Abi, Uint8Array>()
  for (const abi of abis) {
    const filter = library().filter(seccomp, abi)
    if (filter === undefined) return undefined
    theirs.set(abi, filter)
  }
  const ours = compileSeccomp(seccomp, machine).program
  const vectors = argumentsFor(chance, seccomp, 64)
  const wrong: string[] = []
  let at = 0
  for (const { arch, nr } of CALLS)
    for (let count = 0; count < 4; count++) {
      const args = vectors[at++ % vectors.length] ?? []
      const abi = meaning.abi(machine, { arch, nr, args })
      if (isWide && abi?.is32) continue // it cuts what is compared with to 32 bits
      const call = { arch, nr, args: abi?.is32 ? args.map(value => value & 0xffff_ffffn) : args }
      const { value } = run(ours, call)
      const other = run(theirs.get(abi ?? ABIS[machine]) as Uint8Array, call).value // there is one for each
      if (value === other || (value === ENOSYS && meaning.of(machine, call).value === ENOSYS)) continue
      if (reason(meaning, abi, nr) !== undefined || meaning.of(machine, call).isAmbiguous) continue
      wrong.push(`${abi?.name} ${nr} ${abi?.numbers.get(nr)} (${args}): ${value.toString(16)}, ${other.toString(16)}`)
    }
  return wrong
}

function compare(t: Test, wishes: Wishes, seeds: number): void {
  let refused = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const chance = random(seed)
    const seccomp = profile(chance, wishes)
    const machine = seed % 2 === 0 ? 'x86_64' : 'aarch64'
    try {
      const wrong = differences(seccomp, machine, chance, wishes.isWide)
      if (wrong === undefined) refused++
      else if (wrong.length > 0)
        t.fail(`seed ${seed} ${machine}`, { wrong: wrong.slice(0, 5), count: wrong.length, seccomp })
    } catch (error) {
      if (!(error instanceof SpecError)) throw error
      t.fail(`seed ${seed} ${machine} is refused: ${error.message}`)
    }
  }
  t.ok(refused <= (wishes.isPlain ? 0 : seeds / 2), `${seeds - refused} compared, ${refused} refused by libseccomp`)
}

const PROFILES = 30
t.test('one action beside the default', { skip }, t => {
  compare(t, { isWide: false, isPlain: true }, PROFILES)
  t.end()
})

t.test('one action beside the default, numbers of 64 bits', { skip }, t => {
  compare(t, { isWide: true, isPlain: true }, PROFILES)
  t.end()
})

t.test('any actions, where libseccomp takes them', { skip }, t => {
  compare(t, { isWide: true, isPlain: false }, PROFILES)
  t.end()
})
