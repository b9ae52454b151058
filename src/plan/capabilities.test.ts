import { readFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import { kernelContext, runStages } from '../dev/stages.ts'
import { thrown } from '../host/testing.ts'
import type { Process } from '../spec/gen/types.ts'
import { capabilitySets, planBoundingSet, planCapabilities, planKeepCapabilities } from './capabilities.ts'
import { planExec } from './gate.ts'
import { planUser } from './identity.ts'
import { planProgram } from './lookup.ts'
import { planNoNewPrivileges, planUmask } from './process.ts'

const STAGES = [
  planBoundingSet,
  planKeepCapabilities,
  planUser,
  planCapabilities,
  planNoNewPrivileges,
  planUmask,
  planProgram,
  planExec,
]

const DEFAULT = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']
const defaultSets = { bounding: DEFAULT, effective: DEFAULT, permitted: DEFAULT }

t.test('listing', t => {
  const process = { capabilities: { ...defaultSets, inheritable: ['CAP_KILL'], ambient: ['CAP_KILL'] } }
  const given = { process: { ...process, user: { uid: 1000, gid: 1000, additionalGids: [5, 6] } } }
  const text = stageListing(given, ...STAGES)
  t.equal(text, golden('capabilities', text))
  t.end()
})

t.test('names become numbers in order, each once', t => {
  const bounding = ['CAP_SYS_ADMIN', 'CAP_KILL', 'CAP_CHOWN', 'CAP_KILL']
  const context = testContext({ process: { capabilities: { bounding } } })
  t.same(capabilitySets(context), { bounding: [0, 5, 21], effective: [], permitted: [], inheritable: [], ambient: [] })
  t.same(context.warnings, [])
  t.end()
})

t.test('what cannot be granted is left out with a warning, by reason', t => {
  const capabilities = {
    bounding: ['CAP_CHECKPOINT_RESTORE', 'CAP_FOO', 'CAP_KILL', 'kill', 'toString', 'CAP_SYS_TIME'],
    permitted: ['CAP_KILL', 'CAP_CHOWN', 'CAP_FOO'],
    effective: ['CAP_KILL', 'CAP_FOWNER'],
    inheritable: ['CAP_KILL', 'CAP_CHOWN'],
    ambient: ['CAP_KILL', 'CAP_CHOWN'],
  }
  const context = testContext({
    process: { capabilities },
    facts: { lastCapability: 39, capabilities: [0, 3, 5, 21] },
  })
  t.same(capabilitySets(context), { bounding: [5], permitted: [0, 5], effective: [5], inheritable: [5], ambient: [5] })
  const stages = [planBoundingSet, planCapabilities]
  for (const stage of stages) stage(context)
  t.same(
    context.warnings.map(({ message }) => message.replace('ignoring ', '').replace(' of process.capabilities', '')),
    [
      'CAP_CHECKPOINT_RESTORE, CAP_FOO, kill, toString: unknown or unavailable capabilities',
      'CAP_SYS_TIME: tsrunc does not have them itself',
      'CAP_FOWNER: effective, but not permitted',
      'CAP_CHOWN: inheritable, but not in the bounding set',
      'CAP_CHOWN: ambient, but not permitted and inheritable',
    ],
    'each once, however many stages ask',
  )
  t.end()
})

const held = (): bigint =>
  BigInt(`0x${/^CapPrm:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`)
const lastCapability = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'))

/** The fields of /proc/self/status as the program sees them. */
function status(process: Partial<Process>): Record<string, string> {
  const context = kernelContext({
    process: { args: ['cat', '/proc/self/status'], ...process },
    facts: { lastCapability },
  })
  const ended = runStages(context, STAGES)
  if (ended.error !== undefined) throw ended.error
  return Object.fromEntries(ended.stdout.split('\n').map(line => line.split(/:\s*/) as [string, string]))
}
const mask = (value: bigint): string => value.toString(16).padStart(16, '0')

const skip = (held() & 0x1ffn) === 0x1ffn ? false : 'needs root with the usual capabilities'

t.test('root with the default sets', { skip }, t => {
  const wanted = mask((1n << 5n) | (1n << 10n) | (1n << 29n))
  const none = mask(0n)
  t.match(status({ capabilities: defaultSets, noNewPrivileges: true }), {
    CapInh: none,
    CapPrm: wanted,
    CapEff: wanted,
    CapBnd: wanted,
    CapAmb: none,
    NoNewPrivs: '1',
    Umask: '0022',
    Groups: '',
  })
  t.end()
})

t.test('a user keeps what is ambient; an ambient one that is not inheritable is left out', { skip }, t => {
  const sets = { ...defaultSets, inheritable: ['CAP_KILL'], ambient: ['CAP_KILL', 'CAP_AUDIT_WRITE'] }
  const user = { uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 0o27 }
  t.match(status({ capabilities: sets, user }), {
    Uid: '1000\t1000\t1000\t1000',
    Gid: '1001\t1001\t1001\t1001',
    Groups: '5 6',
    CapInh: mask(1n << 5n),
    CapPrm: mask(1n << 5n),
    CapEff: mask(1n << 5n),
    CapAmb: mask(1n << 5n),
    NoNewPrivs: '0',
    Umask: '0027',
  })
  t.end()
})

t.test('without sets there are none', { skip }, t => {
  t.match(status({}), { CapPrm: mask(0n), CapEff: mask(0n), CapBnd: mask(0n), CapInh: mask(0n) })
  t.end()
})

const lacks = (held() & (1n << 24n)) === 0n ? false : 'CAP_SYS_RESOURCE is there'

t.test('one that the caller does not hold', { skip: skip || lacks }, t => {
  const more = [...DEFAULT, 'CAP_SYS_RESOURCE']
  const fewer = mask((1n << 5n) | (1n << 10n) | (1n << 29n))
  t.match(status({ capabilities: { ...defaultSets, bounding: more } }), { CapBnd: fewer })
  const error = thrown(() => status({ capabilities: { ...defaultSets, permitted: more } }))
  t.match(
    error,
    { syscall: 'capset', errnoName: 'EPERM', where: '/process/capabilities' },
    'is asked for without facts',
  )
  t.end()
})
