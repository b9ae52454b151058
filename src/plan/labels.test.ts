import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import { kernelContext, openingShared, runStages } from '../dev/stages.ts'
import { thrown } from '../host/testing.ts'
import type { Linux, Mount, Process } from '../spec/gen/types.ts'
import { planExec } from './gate.ts'
import { planOpenLabels, refuseMissingModules } from './labels.ts'
import { planMounts } from './mounts.ts'
import { planPaths } from './paths.ts'
import { planSession } from './session.ts'

const PROCESS: Partial<Process> = { apparmorProfile: 'docker-default', selinuxLabel: 'a_u:b_r:c_t:s0:c1,c2' }

t.test('listing', t => {
  const text = stageListing({ process: PROCESS }, planSession, planOpenLabels, planExec)
  t.equal(text, golden('labels', text))
  t.notMatch(stageListing({}, planSession, planOpenLabels, planExec), /attr/)
  t.end()
})

t.test('labels of mounts', t => {
  const mounts: Mount[] = [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/sys', type: 'sysfs', source: 'sysfs' },
    { destination: '/dev', type: 'tmpfs', options: ['mode=755'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['gid=5'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue' },
    { destination: '/tmp', type: 'tmpfs', options: ['size=5m', 'rprivate'] },
    { destination: '/own', type: 'tmpfs', options: ['context="a:b:c:s1:c3,c4"', 'rprivate'] },
    { destination: '/bound', type: 'bind', source: '/bound', options: ['bind'] },
    { destination: '/tmp', options: ['remount', 'ro'] },
  ]
  const linux = { mountLabel: 'a_u:b_r:c_t:s0:c1,c2', maskedPaths: ['/proc/kcore'] }
  const text = stageListing({ spec: { mounts }, linux }, planMounts, planPaths)
  t.equal(text, golden('labels-mounts', text))
  const labelled = (linux: Linux): number =>
    [...stageListing({ spec: { mounts }, linux }, planMounts, planPaths).matchAll(/c_t:s0/g)].length
  t.equal(labelled({}), 0)
  t.end()
})

t.test('a module that the kernel does not run is missed before anything is made', t => {
  const refusal = (process: Partial<Process>, linux: Linux = {}, modules?: { appArmor: boolean; selinux: boolean }) =>
    thrown(() => refuseMissingModules(testContext({ process, linux, facts: { ...(modules && { modules }) } })))
  const none = { appArmor: false, selinux: false }
  t.match(refusal({ apparmorProfile: 'x' }, {}, none), {
    code: 'TSRUNC_UNSUPPORTED',
    where: '/process/apparmorProfile',
    message: 'apparmor profile is specified in config, but apparmor is disabled or not supported',
  })
  t.match(refusal({ selinuxLabel: 'x' }, {}, { appArmor: true, selinux: false }), {
    where: '/process/selinuxLabel',
    message: 'selinux label is specified in config, but selinux is disabled or not supported',
  })
  t.match(refusal({}, { mountLabel: 'x' }, none), { where: '/linux/mountLabel' })
  t.match(refusal({ apparmorProfile: 'x' }), { where: '/process/apparmorProfile' }, 'nobody has asked the machine')
  const all = { modules: { appArmor: true, selinux: true } }
  refuseMissingModules(testContext({ process: PROCESS, linux: { mountLabel: 'x' }, facts: all }))
  refuseMissingModules(testContext({ process: { apparmorProfile: '' } }))
  t.end()
})

const hasSelinux = existsSync('/sys/fs/selinux/enforce')

t.test('SELinux takes the label', { skip: hasSelinux ? false : 'the kernel does not run SELinux' }, t => {
  const own = readFileSync('/proc/self/attr/current', 'utf8').replace('\0', '')
  const args = ['/bin/cat', '/proc/self/attr/current']
  const context = kernelContext({ process: { args, selinuxLabel: own } })
  const ended = runStages(context, [planSession, planOpenLabels, planExec], openingShared(context, '/'))
  t.equal(ended.error, undefined)
  t.match(ended, { exitCode: 0, stdout: own })
  t.end()
})

const lenient = hasSelinux && 'SELinux without a policy takes any label'

t.test('the files are those of the process itself, and what the kernel answers names them', { skip: lenient }, t => {
  const run = (process: Partial<Process>) => {
    const context = kernelContext({ process: { args: ['/bin/true'], ...process } })
    return runStages(context, [planOpenLabels, planExec], openingShared(context, '/')).error
  }
  // without the module the file is there, and writing to it fails; with it there is no such label
  for (const [name, error] of [
    ['apparmorProfile', run({ apparmorProfile: 'there is no such profile' })],
    ['selinuxLabel', run({ selinuxLabel: 'there is no such label' })],
  ] as const) {
    t.match(error, { where: `/process/${name}`, syscall: /write|openat2/ })
    t.match(error?.message, /`\/proc\/thread-self\/attr\/exec`/)
  }
  t.end()
})
