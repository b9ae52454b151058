import t from 'tap'
import { UnsupportedError } from '../errors.ts'
import type { DeviceRule } from '../spec/gen/types.ts'
import { ACCESS, ALL_ACCESS, deviceRules, deviceWrites } from './devices.ts'
import { type Asked, everyAccess, isAllowed, randomRules } from './fixtures/rules.ts'

const DENY_ALL: DeviceRule = { allow: false, access: 'rwm' }
const text = (asked: DeviceRule[] | undefined): string[] =>
  deviceWrites(deviceRules(asked)).map(write => `${write.file.slice(8)} ${write.value}`)

const DEFAULTS = [
  'allow c *:* m',
  'allow b *:* m',
  'allow c 1:3 rwm',
  'allow c 1:5 rwm',
  'allow c 1:7 rwm',
  'allow c 1:8 rwm',
  'allow c 1:9 rwm',
  'allow c 5:0 rwm',
  'allow c 5:2 rwm',
  'allow c 136:* rwm',
  'allow c 10:200 rwm',
]

t.test('without rules everything but the default devices is denied', async t => {
  t.same(text(undefined), ['deny a', ...DEFAULTS])
  t.same(text([]), ['deny a', ...DEFAULTS])
  t.same(text([DENY_ALL]), ['deny a', ...DEFAULTS])
})

t.test('absent fields mean any', async t => {
  t.same(deviceRules([{ allow: true }])[0], {
    allow: true,
    type: undefined,
    major: undefined,
    minor: undefined,
    access: ALL_ACCESS,
    pointer: '/linux/resources/devices/0',
  })
  t.same(text([{ allow: true, access: 'rwm' }]), ['allow a'], 'the defaults add nothing to everything')
  t.same(text([{ allow: true, type: 'a', major: -1, minor: -1, access: '' }]), ['allow a'])
})

t.test('v1 lines', async t => {
  const ro: DeviceRule = { allow: true, type: 'b', major: 8, minor: 0, access: 'r' }
  t.same(text([DENY_ALL, ro])[1], 'allow b 8:0 rm', 'carries what the wider default rule allows')
  const any = text([DENY_ALL, { allow: true, major: 10, minor: 229, access: 'rw' }])
  t.same(any.slice(1, 3), ['allow b 10:229 rwm', 'allow c 10:229 rwm'], 'type a with numbers is both types')
  t.same(text([ro, { ...ro, allow: false }]), ['deny a', ...DEFAULTS], 'a later rule takes away')
  t.same(text([{ allow: true }, { ...ro, allow: false }]), ['allow a', 'deny b 8:0 r'])
})

t.test('what v1 can not express is refused with its place', async t => {
  const wide: DeviceRule = { allow: true, type: 'c', major: 226, access: 'rw' }
  const narrow: DeviceRule = { allow: false, type: 'c', major: 226, minor: 1, access: 'rw' }
  t.throws(() => text([wide, narrow]), { name: UnsupportedError.name, where: '/linux/resources/devices/1' })
  t.equal(text([narrow, wide]).includes('allow c 226:* rwm'), true)
})

// ---- against a model of security/device_cgroup.c ----

/** The kernel's: with the default "deny", one exception must hold all kinds; with "allow", none may hold any. */
function kernel(lines: readonly string[], [type, major, minor, access]: Asked): boolean {
  const matching = lines.slice(1).filter(line => {
    const [, of, numbers = ''] = line.split(' ')
    const [left, right] = numbers.split(':')
    const part = (pattern: string | undefined, value: number) => pattern === '*' || pattern === String(value)
    return of === type && part(left, major) && part(right, minor)
  })
  const bits = (line: string): number =>
    [...(line.split(' ')[3] ?? '')].reduce((sum, kind) => sum | ACCESS[kind as keyof typeof ACCESS], 0)
  if (lines[0] === 'deny a') return matching.some(line => (access & ~bits(line)) === 0)
  return !matching.some(line => (access & bits(line)) !== 0)
}

t.test('v1 lines mean what the rules mean', async t => {
  let expressible = 0
  for (const asked of randomRules(600)) {
    const rules = deviceRules(asked)
    let lines: string[]
    try {
      lines = text(asked)
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error
      continue
    }
    expressible++
    for (const access of everyAccess()) {
      // the kernel asks for mknod by itself, and for read and write together
      const isReal = access[3] === ACCESS.m || (access[3] & ACCESS.m) === 0
      if (isReal && isAllowed(rules, access) !== kernel(lines, access) && !isSpread(lines, access))
        t.fail(`${JSON.stringify(asked)} ${access} ${lines}`)
    }
  }
  t.ok(expressible > 200, `${expressible} lists compared`)
})

/** read and write allowed by two rules of which neither covers the other: v1 wants them in one, and denies. */
const isSpread = (lines: readonly string[], [type, major, minor, access]: Asked): boolean =>
  lines[0] === 'deny a' &&
  [ACCESS.r, ACCESS.w].filter(kind => access & kind).every(kind => kernel(lines, [type, major, minor, kind]))
