import { spawnSync } from 'node:child_process'
import t from 'tap'
import { callerDescriptorLimit } from './descriptor-limit.ts'

t.test('what the executable passes on', t => {
  t.equal(callerDescriptorLimit({ SOFT_NOFILE: 'aaaaaaaaaaaaaeaa' }), 1024n)
  t.equal(callerDescriptorLimit({ SOFT_NOFILE: 'pppppppppppppppp' }), 2n ** 64n - 1n)
  for (const nonsense of ['', '1024', 'aaaa', 'aaaaaaaaaaaaaaaz'])
    t.equal(callerDescriptorLimit({ SOFT_NOFILE: nonsense }), callerDescriptorLimit({}), nonsense)
  t.end()
})

t.test('under Node, that of a parent which has the same hard limit', t => {
  const module = new URL('./descriptor-limit.js', import.meta.url)
  const program = `import('${module}').then(({ callerDescriptorLimit }) => console.log(String(callerDescriptorLimit())))`
  const asked = (shell: string) =>
    spawnSync('/bin/sh', ['-c', `${shell} "$0" -e "$1"; true`, process.execPath, program], { encoding: 'utf8' }).stdout
  t.equal(asked('ulimit -Sn 300;'), '300\n')
  t.equal(asked('ulimit -Sn 310; ulimit -Hn 320;'), '310\n')
  t.equal(asked('(ulimit -n 320; exec "$0" -e "$1"); exit; '), 'undefined\n')
  t.end()
})
