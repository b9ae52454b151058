import { hostname } from 'node:os'
import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import { kernelContext, openingShared, runStages, unshare } from '../dev/stages.ts'
import { isRoot, thrown } from '../host/testing.ts'
import type { Namespace } from '../spec/gen/types.ts'
import { planExec } from './gate.ts'
import { planHostname, planSysctl, sysctlPath } from './sysctl.ts'

const skip = isRoot ? false : 'needs root'

t.test('listing', t => {
  const sysctl = { 'net.ipv4.ip_forward': '1', 'kernel/shmmax': '4096' }
  const text = stageListing({ spec: { hostname: 'höst', domainname: 'dom' } }, planHostname)
  const all = stageListing({ linux: { sysctl } }, planSysctl)
  t.equal(text + all, golden('sysctl', text + all))
  t.equal(stageListing({}, planSysctl, planHostname), '\n')
  t.end()
})

t.test('both ways to write a name', t => {
  t.equal(sysctlPath('net.ipv4.ip_forward'), 'net/ipv4/ip_forward')
  t.equal(sysctlPath('net/ipv4/ip_forward'), 'net/ipv4/ip_forward')
  t.equal(sysctlPath('net.ipv4.conf.eth0/100.mtu'), 'net/ipv4/conf/eth0.100/mtu')
  t.equal(sysctlPath('net/ipv4/conf/eth0.100/mtu'), 'net/ipv4/conf/eth0.100/mtu')
  t.end()
})

t.test('only what belongs to a namespace of the container', t => {
  const refusal = (key: string, ...types: Namespace['type'][]): string => {
    const linux = { namespaces: types.map(type => ({ type })), sysctl: { [key]: '1' } }
    return thrown(() => planSysctl(testContext({ linux }))).message
  }
  const fine = (key: string, ...types: Namespace['type'][]) => {
    const linux = { namespaces: types.map(type => ({ type })), sysctl: { [key]: '1' } }
    t.ok(planSysctl(testContext({ linux })).length > 0, key)
  }
  t.equal(refusal('vm.swappiness', 'user', 'ipc'), 'sysctl "vm.swappiness" is not in a separate kernel namespace')
  t.match(refusal('kernel.hostname', 'uts'), 'conflicts with the OCI "hostname" field')
  t.match(refusal('net.ipv4.ip_forward', 'ipc'), "is not allowed in the host's network namespace")
  t.match(refusal('kernel.shmmax', 'network'), "is not allowed in the host's ipc namespace")
  t.match(refusal('kernel.shmmax.x', 'ipc'), 'is not in a separate kernel namespace')
  t.match(refusal('net/../kernel/core_pattern', 'network'), 'is not the name of a sysctl')
  t.match(refusal('net/./x', 'network'), 'is not the name of a sysctl')
  t.match(refusal('/net/x', 'network'), 'is not the name of a sysctl')
  t.match(refusal('', 'network'), 'is not the name of a sysctl')
  t.match(refusal('user.max_net_namespaces', 'network'), "is not allowed in the host's user namespace")
  fine('fs.mqueue.msg_max', 'ipc')
  fine('kernel.domainname', 'uts')
  fine('net/core/somaxconn', 'network')
  const error = thrown(() => planSysctl(testContext({ linux: { sysctl: { 'a/b': '1' } } })))
  t.match(error, { code: 'TSRUNC_UNSUPPORTED', where: '/linux/sysctl/a~1b' })
  t.end()
})

t.test('a namespace that is joined, and is the one of the caller', t => {
  const namespaces = [{ type: 'network', path: '/proc/1/ns/net' }, { type: 'ipc' }] as const
  const linux = { namespaces, sysctl: { 'net.core.somaxconn': '5', 'kernel.shmmni': '5' } }
  t.ok(planSysctl(testContext({ linux })).length > 0)
  const error = thrown(() => planSysctl(testContext({ linux, facts: { hostNamespaces: ['network'] } })))
  t.match(error, {
    where: '/linux/sysctl/net.core.somaxconn',
    message: "is not allowed in the host's network namespace",
  })
  t.end()
})

t.test('they are set in the namespaces of the process alone', { skip }, t => {
  const sysctl = { 'net.ipv4.ip_forward': '1', 'kernel.shmmni': '77', 'kernel.domainname': 'dom' }
  const files = ['net/ipv4/ip_forward', 'kernel/shmmni', 'kernel/domainname', 'kernel/hostname']
  const namespaces = (['network', 'ipc', 'uts'] as const).map(type => ({ type }))
  const process = { args: ['/bin/cat', ...files.map(file => `/proc/sys/${file}`)] }
  const context = kernelContext({ linux: { namespaces, sysctl }, process, spec: { hostname: 'inside' } })
  const before = [...unshare('CLONE_NEWNET', 'CLONE_NEWIPC', 'CLONE_NEWUTS'), ...openingShared(context, '/')]
  const ended = runStages(context, [planSysctl, planHostname, planExec], before)
  t.match(ended, { exitCode: 0, stdout: '1\n77\ndom\ninside\n' })
  t.not(hostname(), 'inside')
  t.end()
})

t.test('an error names the sysctl', { skip }, t => {
  const run = (key: string, value: string) => {
    const context = kernelContext({ linux: { namespaces: [{ type: 'network' }], sysctl: { [key]: value } } })
    return runStages(context, [planSysctl], [...unshare('CLONE_NEWNET'), ...openingShared(context, '/')]).error
  }
  t.match(run('net.ipv4.nope', '1'), { syscall: 'openat2', errnoName: 'ENOENT', where: '/linux/sysctl/net.ipv4.nope' })
  t.match(run('net.ipv4.ip_forward', 'x'), { syscall: 'write', errnoName: 'EINVAL' })
  t.end()
})
