// Thousands of configs by chance, valid ones and ones with a value that is not: from text to plan, listing and image
// nothing but a TsruncError is ever thrown. A failure names the seed: `randomConfig(seed)` is the config.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TsruncError } from '../errors.ts'
import { buildImage } from '../image/build.ts'
import { listing, listingJson } from '../program/listing.ts'
import { parseSpec } from '../spec/parse.ts'
import './all-parts.ts'
import { compile } from './compile.ts'
import { damaged, randomConfig } from './fixtures/random-config.ts'
import { openRuntime } from './store.ts'
import type { Draft } from './testing.ts'

const CONFIGS = 800
const DAMAGED = 1500
/** Of the valid ones, for the test to mean something. */
const LEAST_MADE = 0.4

const directory = mkdtempSync(join(tmpdir(), 'tsrunc-random-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
mkdirSync(join(directory, 'rootfs'))
const runtime = openRuntime({ root: join(directory, 'root'), warn: () => {} })

/** Whether there is an image; throws what is no TsruncError. */
function makes(config: Draft, reasons: Map<string, number>): boolean {
  const text = new TextEncoder().encode(JSON.stringify(config))
  try {
    const read = { path: directory, text, spec: parseSpec(text) }
    const { ops, facts, rootfs } = compile(runtime, 'random', { bundle: directory, read })
    rootfs.fd.close()
    const lines = listing(ops, facts.architecture)
    if (ops.length % 4 === 0) listingJson(ops, facts.architecture)
    const image = buildImage(ops, facts.architecture, facts.descriptors.sync)
    return image.length > 0 && lines.includes('execve')
  } catch (error) {
    if (!(error instanceof TsruncError)) throw error
    const reason = error.message.replace(/\d+/g, 'N').slice(0, 60)
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    return false
  }
}

function tryAll(t: Test, count: number, make: (seed: number) => Draft): number {
  const reasons = new Map<string, number>()
  let made = 0
  for (let seed = 0; seed < count; seed++) {
    try {
      if (makes(make(seed), reasons)) made++
    } catch (error) {
      t.fail(`seed ${seed}: ${error instanceof Error ? error.stack : error}`)
    }
  }
  const common = [...reasons].sort((one, other) => other[1] - one[1]).slice(0, 5)
  t.comment(`${made} of ${count} made; refused mostly: ${common.map(([what, times]) => `${times} ${what}`).join('; ')}`)
  return made
}

t.test('valid configs', async t => {
  const made = tryAll(t, CONFIGS, randomConfig)
  t.ok(made > CONFIGS * LEAST_MADE, `${made} of ${CONFIGS} are made`)
})

t.test('configs with one value that is not expected', async t => {
  tryAll(t, DAMAGED, seed => damaged(randomConfig(seed), seed))
  t.pass('nothing but a TsruncError')
})

t.test('the same seed gives the same config', async t => {
  t.same(randomConfig(7), randomConfig(7))
  t.not(JSON.stringify(randomConfig(7)), JSON.stringify(randomConfig(8)))
})
