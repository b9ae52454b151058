// Compares the names of system calls with the headers of the machine: those of i386 and x32 lie beside those of x86_64,
// and asm-generic has what aarch64 uses. Calls that the installed headers do not have yet are passed over.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ABIS, type Abi } from '../plan/seccomp/fixtures/meaning.ts'
import { X32_BIT } from './seccomp-filter.ts'
import { SYSCALLS } from './syscalls.ts'

const HEADERS = '/usr/include/x86_64-linux-gnu/asm'
const OURS: Readonly<Record<string, readonly [header: string, abi: Abi]>> = {
  x86_64: [`${HEADERS}/unistd_64.h`, ABIS.x86_64],
  i386: [`${HEADERS}/unistd_32.h`, ABIS.x86],
  x32: [`${HEADERS}/unistd_x32.h`, ABIS.x32],
}

/** name → number, from `#define __NR_name number`; x32 writes a sum. */
function defined(text: string): Map<string, number> {
  const values = new Map<string, string>()
  for (const [, name = '', value = ''] of text.matchAll(/^#define (__NR\w*) \(?(.+?)\)?$/gm)) values.set(name, value)
  const numberOf = (value: string): number =>
    value.startsWith('__NR') ? numberOf(values.get(value) ?? '') : Number(value.replace('__X32_SYSCALL_BIT + ', ''))
  return new Map([...values].map(([name, value]) => [name.replace('__NR_', ''), numberOf(value)]))
}

function compare(t: Tap, { numbers, name }: Abi, theirs: ReadonlyMap<string, number>, base = 0): void {
  const ours = new Map([...numbers].map(([number, name]) => [name, number - base]))
  t.same(
    [...theirs].filter(([name, number]) => Number.isInteger(number) && ours.get(name) !== number),
    [],
    `${name}: all of theirs are there`,
  )
  // x32 has calls of its own behind those that it shares.
  const newest = Math.max(...[...theirs.values()].filter(number => number < 512))
  const more = [...ours].filter(([call, number]) => !theirs.has(call) && number <= newest)
  // Since Linux 6.11 and 6.18.
  t.same(
    more.filter(([call]) => call !== 'uretprobe' && call !== 'uprobe'),
    [],
    `${name}: and no others`,
  )
}
type Tap = Pick<typeof t, 'same'>

for (const [name, [header, abi]] of Object.entries(OURS))
  t.test(`calls of ${name}`, { skip: existsSync(header) ? false : `no ${header}` }, t => {
    compare(t, abi, defined(readFileSync(header, 'utf8')), abi === ABIS.x32 ? X32_BIT : 0)
    t.end()
  })

const compiler = spawnSync('cc', ['--version']).status === 0 ? false : 'no C compiler'

t.test('calls of aarch64', { skip: compiler }, t => {
  // What arch/arm64/include/uapi/asm/unistd.h asks asm-generic for.
  const wishes = ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET']
  const macros = wishes.map(wish => `-D__ARCH_WANT_${wish}`)
  const text = execFileSync(
    'cc',
    ['-E', '-dM', ...macros, '-include', 'asm-generic/unistd.h', '-x', 'c', '/dev/null'],
    {
      encoding: 'utf8',
    },
  )
  const generic = defined(text)
  const others = ['syscalls', 'arch_specific_syscall']
  const calls = [...generic].filter(([name]) => !name.startsWith('__NR3264') && !others.includes(name))
  compare(t, ABIS.aarch64, new Map(calls))
  t.end()
})

t.test('the numbers that tsrunc uses itself are among them', t => {
  for (const [column, { numbers, name }] of [ABIS.x86_64, ABIS.aarch64].entries()) {
    const wrong = Object.entries(SYSCALLS).filter(([name, row]) => {
      const number = row[column]
      return number !== null && number !== undefined && numbers.get(number) !== name
    })
    t.same(wrong, [], name)
  }
  t.end()
})

t.test('no call is there twice', t => {
  for (const { numbers, name } of Object.values(ABIS))
    t.equal(new Set(numbers.values()).size, numbers.size, `${name}: ${numbers.size}`)
  t.end()
})
