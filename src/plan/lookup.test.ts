import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { type Ended, kernelContext, runStages } from '../dev/stages.ts'
import { workDirectory } from '../host/testing.ts'
import { planExec } from './gate.ts'
import { planProgram } from './lookup.ts'
import { planWorkingDirectory } from './process.ts'

t.test('listing', t => {
  const given = (args: string[], path: string) => ({ process: { args, env: [`PATH=${path}`] } })
  const searched = stageListing(given(['x'], '/usr//bin/::rel:/bin'), planProgram, planExec)
  t.equal(searched, golden('lookup-path', searched))
  const direct = stageListing(given(['/bin/x', 'a'], '/bin'), planProgram, planExec)
  t.equal(direct, golden('lookup-direct', direct))
  t.end()
})

/** bin/: program (says its name), data (not executable), a directory, a link to itself. */
function tree(t: Parameters<typeof workDirectory>[0]): string {
  const root = workDirectory(t)
  mkdirSync(`${root}/bin/directory`, { recursive: true })
  mkdirSync(`${root}/first/program`, { recursive: true })
  writeFileSync(`${root}/bin/program`, '#!/bin/sh\necho "$0 $*"\n')
  chmodSync(`${root}/bin/program`, 0o755)
  writeFileSync(`${root}/bin/data`, '#!/bin/sh\n')
  writeFileSync(`${root}/bin/empty`, '')
  chmodSync(`${root}/bin/empty`, 0o755)
  symlinkSync('loop', `${root}/bin/loop`)
  return root
}

const run = (cwd: string, args: readonly string[], path?: string): Ended =>
  runStages(kernelContext({ process: { cwd, args, env: path === undefined ? [] : [`PATH=${path}`] } }), [
    planWorkingDirectory,
    planProgram,
    planExec,
  ])

t.test('the first executable file of that name in PATH', t => {
  const root = tree(t)
  t.match(run(root, ['program', 'x'], `/nowhere:${root}/first:${root}/bin/`), {
    exitCode: 0,
    stdout: `${root}/bin/program x\n`,
  })
  t.match(run(root, [`${root}/bin/program`, 'x']), { exitCode: 0, stdout: `${root}/bin/program x\n` })
  t.match(run(root, ['bin/program', 'x']), { exitCode: 0, stdout: 'bin/program x\n' })
  t.end()
})

t.test('the sentences that callers know', t => {
  const root = tree(t)
  const path = `/nowhere:${root}/bin`
  const said = (args: readonly string[], inPath?: string): string | undefined =>
    run(`${root}/bin`, args, inPath).error?.message
  const notFound = (name: string) => `exec: "${name}": executable file not found in $PATH`
  for (const name of ['nope', 'data', 'directory', '.', '..', 'loop']) t.equal(said([name], path), notFound(name))
  t.equal(said(['program']), notFound('program'), 'without PATH')
  t.equal(said(['program'], ''), notFound('program'), 'with an empty PATH')
  const relative = 'exec: "program": cannot run executable found relative to current directory'
  t.equal(said(['program'], ':/nowhere'), relative)
  t.equal(said(['program'], '/nowhere:../bin'), relative)
  t.equal(said(['/nope/x']), 'exec: "/nope/x": stat /nope/x: no such file or directory')
  t.equal(said(['./nope']), 'exec: "./nope": stat ./nope: no such file or directory')
  t.equal(said(['./data']), 'exec: "./data": permission denied')
  t.equal(said(['./directory']), 'exec: "./directory": is a directory')
  t.match(said(['./data/x']), /^exec: "\.\/data\/x": stat \.\/data\/x: .*: not a directory$/)
  t.match(said(['./loop']), /^exec: ".\/loop": stat .\/loop: .*: too many levels of symbolic links$/)
  t.match(said(['./empty']), /^exec "\.\/empty": execve\(.*: exec format error$/)
  t.match(run(root, ['nope']).error, { where: '/process/args/0', code: 'TSRUNC_INIT' })
  t.end()
})
