// Compares filters, run by an interpreter, with the meaning of their profile: for every number of every architecture,
// and arguments near those that the profile compares with.
import t from 'tap'
import type { Architecture } from '../../abi/architecture.ts'
import { SpecError } from '../../errors.ts'
import type { Seccomp } from '../../spec/gen/types.ts'
import { type CompiledFilter, compileSeccomp } from './compile.ts'
import { run } from './fixtures/interpreter.ts'
import { Profile } from './fixtures/meaning.ts'
import { argumentsFor, numbers, profile, type Random, random } from './fixtures/random.ts'

const CALLS = [...numbers()]

/** The calls that a filter does not do to what the profile means. */
function differences(seccomp: Seccomp, machine: Architecture, random: Random): string[] {
  const { program } = compileSeccomp(seccomp, machine)
  const meaning = new Profile(seccomp)
  const vectors = argumentsFor(random, seccomp, 64)
  const hasArgs = seccomp.syscalls?.some(({ args }) => args !== undefined) ?? false
  const wrong: string[] = []
  let at = 0
  for (const { arch, nr } of CALLS)
    for (let count = hasArgs ? 5 : 1; count > 0; count--) {
      const args = vectors[at++ % vectors.length] ?? []
      const call = { arch, nr, args: arch >= 0x80000000 ? args : args.map(value => value & 0xffff_ffffn) }
      const { value } = run(program, call)
      const expected = meaning.of(machine, call).value
      if (value !== expected)
        wrong.push(`${arch.toString(16)} ${nr} (${args}): ${value.toString(16)}, not ${expected.toString(16)}`)
    }
  return wrong
}

/** Undefined where the profile contradicts itself. */
function compiled(seccomp: Seccomp, machine: Architecture): CompiledFilter | undefined {
  try {
    return compileSeccomp(seccomp, machine)
  } catch (error) {
    if (error instanceof SpecError) return undefined
    throw error
  }
}

t.test('filters of profiles by chance do what the profiles mean', t => {
  let contradictions = 0
  for (let seed = 1; seed <= 80; seed++) {
    const chance = random(seed)
    const seccomp = profile(chance, { isWide: true, isPlain: seed % 3 === 0 })
    const machine = seed % 2 === 0 ? 'x86_64' : 'aarch64'
    if (compiled(seccomp, machine) === undefined) contradictions++
    else {
      const wrong = differences(seccomp, machine, chance)
      if (wrong.length > 0)
        t.fail(`seed ${seed} ${machine}`, { wrong: wrong.slice(0, 5), count: wrong.length, seccomp })
    }
  }
  t.ok(contradictions < 8, `${contradictions} contradict themselves`)
  t.end()
})
