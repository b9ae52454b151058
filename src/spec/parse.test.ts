import { readFileSync } from 'node:fs'
import t from 'tap'
import { SpecError } from '../errors.ts'
import { parseSpec } from './parse.ts'
import { sampleSpec } from './sample.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests write what no type allows
type Change = (spec: Record<string, any>) => void

const text = (change?: Change): string => {
  const spec = structuredClone(sampleSpec()) as unknown as Record<string, unknown>
  change?.(spec)
  return JSON.stringify(spec)
}

/** Every problem as "pointer: message (hint)"; empty when the text is accepted. */
const problems = (config: string | Uint8Array): string[] => {
  try {
    parseSpec(config)
    return []
  } catch (error) {
    if (!(error instanceof SpecError)) throw error
    return error.problems.map(({ pointer, message, hint }) => `${pointer}: ${message}${hint ? ` (${hint})` : ''}`)
  }
}

t.test('the sample is accepted, and frozen all through', t => {
  const spec = parseSpec(text())
  t.same(spec, JSON.parse(text()))
  t.ok(Object.isFrozen(spec) && Object.isFrozen(spec.mounts?.[0]?.options) && Object.isFrozen(spec.linux?.namespaces))
  t.end()
})

t.test('64-bit values are exact', t => {
  const config = text(spec => {
    spec.process.rlimits[0].soft = 'SOFT'
    spec.process.rlimits[0].hard = 'HARD'
    spec.linux.resources.memory = { limit: 'LIMIT', swap: -1 }
  })
  const exact = config
    .replace('"SOFT"', '18446744073709551614')
    .replace('"HARD"', '18446744073709551615')
    .replace('"LIMIT"', '9223372036854775807')
  const spec = parseSpec(exact)
  t.equal(spec.process.rlimits?.[0]?.soft, 18446744073709551614n)
  t.equal(spec.process.rlimits?.[0]?.hard, 18446744073709551615n)
  t.equal(spec.linux?.resources?.memory?.limit, 9223372036854775807n)
  t.equal(spec.linux?.resources?.memory?.swap, -1)
  t.same(problems(exact.replace('9223372036854775807', '9223372036854775808')), [
    '/linux/resources/memory/limit: must be at most 9223372036854775807; found the number 9223372036854775808',
  ])
  t.same(problems(exact.replaceAll('18446744073709551615', '18446744073709551616')), [
    '/process/rlimits/0/hard: must be at most 18446744073709551615; found the number 18446744073709551616',
  ])
  t.match(problems(exact.replace('9223372036854775807', '-9223372036854775809')), [/at least -9223372036854775808/])
  t.end()
})

t.test('files that are no config', t => {
  t.match(problems(''), [/: the file is empty/])
  t.match(problems(new Uint8Array()), [/: the file is empty/])
  t.match(problems(text().slice(0, 100)), [/^: line 1, column 96 .*the string that starts here is not closed/])
  t.match(problems(text().slice(0, -1)), [/found the end of the text, expected ',' or '}' .*cut off/])
  t.match(problems(readFileSync(process.execPath).subarray(0, 4096)), [/not text|found the character/])
  t.match(problems('[]'), [/^: must be an object; found an empty array/])
  t.match(problems('null'), [/^: must be an object; found null/])
  t.match(problems('"config"'), [/^: must be an object; found the string "config"/])
  t.same(problems('{}').length, 3)
  t.end()
})

t.test('the error says which file, where and how many', t => {
  t.throws(() => parseSpec(text(spec => Object.assign(spec.process, { cwd: 'a', args: [] }))), {
    code: 'TSRUNC_SPEC',
    message: 'config.json is not valid: /process/args: args must not be empty (and 1 more)',
    where: '/process/args',
  })
  t.end()
})

const CASES: Readonly<Record<string, [Change, string[]]>> = {
  'wrong types': [
    spec => {
      spec.process.terminal = 'yes'
      spec.mounts[1].options = { ro: true }
      spec.process.user.uid = 1.5
      spec.root = 'rootfs'
    },
    [
      '/root: must be an object; found the string "rootfs"',
      '/process/terminal: must be true or false; found the string "yes"',
      '/process/user/uid: must be an integer; found the number 1.5',
      '/mounts/1/options: must be an array; found an object',
    ],
  ],
  'a misspelt required property': [
    spec => {
      spec.process.cmd = spec.process.args
      spec.process.CWD = spec.process.cwd
      spec.process.args = undefined
      spec.process.cwd = undefined
    },
    [
      '/process/args: args must not be empty',
      '/process/cwd: Cwd property must not be empty ("CWD" stands there: rename it to "cwd")',
    ],
  ],
  'a misspelt value': [
    spec => {
      spec.linux.namespaces[1].type = 'net'
      spec.linux.namespaces[0].type = 'PID'
      spec.process.rlimits[0].type = 'NOFILE'
    },
    [
      '/process/rlimits/0/type: must be one of',
      '/linux/namespaces/0/type: must be one of "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"; ' +
        'found the string "PID" (did you mean "pid"?)',
      '/linux/namespaces/1/type: must be one of',
    ],
  ],
  'numbers out of range': [
    spec => {
      spec.process.oomScoreAdj = 1001
      spec.process.user.gid = -1
      spec.process.user.umask = 512
      spec.hooks = { poststop: [{ path: '/x', timeout: 0 }] }
    },
    [
      '/process/user/gid: must be at least 0; found the number -1',
      '/process/user/umask: must be at most 511; found the number 512',
      '/process/oomScoreAdj: must be at most 1000; found the number 1001',
      '/hooks/poststop/0/timeout: must be at least 1; found the number 0',
    ],
  ],
  'NUL characters': [
    spec => {
      spec.process.args = ['a\0b']
      spec.linux.sysctl = { 'net\0': '1' }
    },
    [
      '/process/args/0: must not hold a NUL character; found the string "a\\u0000b"',
      '/linux/sysctl/net\0: the name must not hold a NUL character',
    ],
  ],
  'an annotation without a name': [
    spec => {
      spec.annotations = { '': 'value', ' ': 'value', 'line\n': '' }
    },
    ['/annotations/: the name must not be empty'],
  ],
  'no process, no root': [
    spec => {
      spec.process = undefined
      spec.root = undefined
    },
    ['/root: root must be specified', '/process: process property must not be empty'],
  ],
}

for (const [name, [change, expected]] of Object.entries(CASES)) {
  t.test(name, t => {
    const found = problems(text(change))
    t.equal(found.length, expected.length, found.join('\n'))
    for (const [index, start] of expected.entries()) {
      t.ok(
        found.some(line => line.startsWith(start)),
        `${index}: ${start}\n${found.join('\n')}`,
      )
    }
    t.end()
  })
}

t.test('a broken part does not hide the breaches of other parts', t => {
  const found = problems(
    text(spec => {
      spec.mounts[0].destination = 7
      spec.mounts[1].destination = '/'
      spec.linux.namespaces = 'all'
      spec.process.env = ['A=1', 5, 'B']
      spec.ociVersion = '2.0.0'
    }),
  )
  for (const place of ['/mounts/0/destination', '/mounts/1/destination', '/linux/namespaces', '/process/env/1']) {
    t.ok(
      found.some(line => line.startsWith(`${place}: `)),
      place,
    )
  }
  t.ok(found.some(line => line.startsWith('/process/env/2: must have the form NAME=value; found "B"')))
  t.ok(found.some(line => line.startsWith('/ociVersion: must be a version 1.x.y')))
  t.end()
})

t.test('what other runtimes accept is accepted', t => {
  const spec = parseSpec(
    text(spec => {
      spec.process.user = undefined
      spec.process.apparmorProfile = ''
      spec.process.rlimits = null
      spec.mounts[0].options = null
      spec.linux.namespaces[0].path = ''
      spec.linux.resources.devices[0].type = ''
      spec.linux.rootfsPropagation = ''
      spec.hooks = null
      spec.annotations = { a: '', b: null }
    }),
  )
  t.same(spec.process.user, { uid: 0, gid: 0 })
  t.equal('apparmorProfile' in spec.process, false)
  t.same(spec.linux?.namespaces?.[0], { type: 'pid' })
  t.same(spec.linux?.resources?.devices, [{ allow: false, access: 'rwm' }])
  t.equal('rootfsPropagation' in (spec.linux ?? {}), false)
  t.same(spec.annotations, { a: '' })
  t.equal(spec.mounts?.[0]?.options, undefined)
  t.end()
})

t.test('unknown properties are accepted everywhere', t => {
  const spec = parseSpec(
    text(spec => {
      const unknown = { future: { deep: [null, 1, 'a\0'] } }
      for (const part of [spec, spec.process, spec.process.user, spec.root, spec.mounts[0], spec.linux]) {
        Object.assign(part, unknown)
      }
      Object.assign(spec, { windows: { layerFolders: ['x'] }, vm: {}, solaris: {}, zos: {}, freebsd: {} })
    }),
  )
  t.ok('future' in spec.process)
  t.end()
})
