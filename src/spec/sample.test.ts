import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Spec } from './gen/types.ts'
import { parseSpec } from './parse.ts'
import { sampleSpec } from './sample.ts'

const types = (spec: Spec): string[] => (spec.linux?.namespaces ?? []).map(namespace => namespace.type)

t.test('every sample is a valid config', t => {
  for (const rootless of [false, true]) {
    for (const cgroupV2 of [false, true]) {
      const spec = sampleSpec({ rootless, cgroupV2, uid: 1000, gid: 100 })
      t.same(parseSpec(JSON.stringify(spec)), spec)
      t.equal(types(spec).includes('cgroup'), cgroupV2)
      t.equal(types(spec).includes('user'), rootless)
    }
  }
  t.end()
})

t.test('rootless maps the caller and asks for nothing that needs privileges', t => {
  const spec = sampleSpec({ rootless: true, uid: 1000, gid: 100 })
  t.same(spec.linux?.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }])
  t.same(spec.linux?.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }])
  t.equal(spec.linux?.resources, undefined)
  t.notOk(types(spec).includes('network'))
  t.notMatch(JSON.stringify(spec.mounts), 'gid=')
  t.end()
})

/** What differs between the releases of runc, or names the runtime. */
function comparable(spec: Spec): unknown {
  const { ambient: _, ...capabilities } = spec.process.capabilities ?? {}
  const namespaces = spec.linux?.namespaces?.filter(namespace => namespace.type !== 'cgroup')
  return {
    ...spec,
    ociVersion: '',
    hostname: '',
    process: { ...spec.process, capabilities },
    linux: { ...spec.linux, namespaces },
  }
}

t.test('it is what runc writes', t => {
  const bundle = mkdtempSync(join(tmpdir(), 'tsrunc-sample-'))
  t.teardown(() => rmSync(bundle, { recursive: true }))
  for (const rootless of [false, true]) {
    const done = spawnSync('runc', ['spec', '--bundle', bundle, ...(rootless ? ['--rootless'] : [])])
    if (done.error) {
      t.pass('comparison', { skip: 'runc is not installed' })
      break
    }
    const theirs: Spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))
    rmSync(join(bundle, 'config.json'))
    const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
    t.same(comparable(sampleSpec({ rootless, uid, gid })), comparable(theirs), rootless ? 'rootless' : 'root')
    t.same(parseSpec(JSON.stringify(theirs)), theirs)
  }
  t.end()
})
