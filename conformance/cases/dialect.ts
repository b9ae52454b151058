// What callers expect of the binary itself: silence on success, errors on stderr and in the log, the documents of
// --version, features and spec.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const KINDS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop']

export const dialectCases: readonly Case[] = [
  defineCase('runc: output', 'commands that succeed print nothing', world => {
    const results = [world.create(), world.start(), world.ok('kill', world.id, 'KILL')]
    world.stopped()
    results.push(world.ok('delete', world.id))
    for (const { argv, stdout, stderr } of results) assert.equal(stdout + stderr, '', argv.join(' '))
  }),

  defineCase('runc: --log', 'an error is one JSON record in the log, and text on stderr', world => {
    const log = join(world.directory, 'log.json')
    const globals = ['--log', log, '--log-format', 'json']
    const result = world.runtime.run(['create', '--bundle', '/nonexistent', world.id], globals)
    assert.notEqual(result.status, 0)
    const record = JSON.parse(readFileSync(log, 'utf8')) // one document
    assert.equal(record.level, 'error')
    assert.match(record.time, RFC3339)
    assert.match(record.msg, /nonexistent/)
    assert.match(result.stderr, /nonexistent/)
    world.runtime.run(['start', 'no-such-container'], globals)
    const records = readFileSync(log, 'utf8').trim().split('\n')
    assert.equal(records.length, 2, 'appended')
    assert.match(JSON.parse(records[1] ?? '').msg, /does not exist/)
  }),

  defineCase('runc: --log', 'a log that cannot be opened is an error', world => {
    const result = world.runtime.run(['list'], ['--log', join(world.directory, 'no/log')])
    assert.notEqual(result.status, 0)
    assert.notEqual(result.stderr, '')
  }),

  defineCase('runc: flags', 'of repeated global flags the last one wins', world => {
    const [first, last] = ['first', 'last'].map(name => join(world.directory, name))
    const result = world.runtime.run(['state', 'no-such-container'], ['--log', `${first}`, `--log=${last}`])
    assert.notEqual(result.status, 0)
    assert.ok(existsSync(`${last}`) && statSync(`${last}`).size > 0)
  }),

  defineCase('runc: flags', 'an unknown flag is refused by name, a missing value too', world => {
    world.fails(/bogus/, 'create', '--bogus', world.id)
    world.fails(/bundle/, 'create', '--bundle')
    world.fails(undefined, 'no-such-command')
  }),

  defineCase('runc: flags', 'a single dash may stand before a long flag', world => {
    world.ok('create', '-bundle', world.bundle.path, world.id)
    world.ok('delete', '-force', world.id)
  }),

  defineCase('runc: --version', 'the lines that Docker reads', world => {
    const [first = '', ...more] = world.ok('--version').stdout.split('\n')
    assert.match(first, /^\S+ version \S+$/)
    assert.ok(more.some(line => /^commit: \S+/.test(line)))
    assert.ok(more.some(line => /^spec: \d+\.\d+\.\d+/.test(line)))
  }),

  defineCase('features.md', 'the features document', world => {
    const features = JSON.parse(world.ok('features').stdout)
    assert.match(features.ociVersionMin, /^\d+\.\d+\.\d+/)
    assert.match(features.ociVersionMax, /^\d+\.\d+\.\d+/)
    assert.deepEqual([...features.hooks].sort(), [...KINDS].sort())
    assert.ok(features.mountOptions.includes('rbind'))
    assert.ok(features.linux.namespaces.includes('mount'))
    assert.ok(features.linux.capabilities.includes('CAP_SYS_ADMIN'))
  }),

  defineCase('runc: spec', 'the config that spec writes can be run', world => {
    const bundle = join(world.directory, 'spec')
    mkdirSync(bundle)
    world.ok('spec', '--bundle', bundle)
    const file = join(bundle, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8'))
    assert.deepEqual(config.process.args, ['sh'])
    world.fails(/exists/, 'spec', '--bundle', bundle)
    Object.assign(config.process, { terminal: false, args: ['echo', 'from spec'] })
    config.root.path = world.bundle.inRoot('.')
    config.linux.cgroupsPath = `/${world.id}`
    writeFileSync(file, JSON.stringify(config))
    const { status, stdout, stderr } = world.runtime.run(['run', '--bundle', bundle, world.id])
    assert.equal(status, 0, stderr)
    assert.equal(stdout, 'from spec\n')
  }),
]
