import t from 'tap'
import { stageListing } from '../dev/golden.ts'
import { planLoopback, planNetDevices } from './loopback.ts'

const NEW = { namespaces: [{ type: 'network' as const }] }
const JOINED = { namespaces: [{ type: 'network' as const, path: '/proc/1/ns/net' }] }

t.test('lo comes up in a new network namespace alone', async t => {
  t.match(stageListing({ linux: NEW }, planLoopback), /SIOCSIFFLAGS, \{ifr_name="lo", ifr_flags=IFF_UP\}/)
  t.equal(stageListing({ linux: JOINED }, planLoopback), '\n')
  t.equal(stageListing({ linux: { namespaces: [] } }, planLoopback), '\n')
})

t.test('init waits for network devices only if there are any', async t => {
  for (const linux of [NEW, { ...NEW, netDevices: {} }]) t.equal(stageListing({ linux }, planNetDevices), '\n')
  for (const linux of [NEW, JOINED]) {
    const text = stageListing({ linux: { ...linux, netDevices: { eth0: {} } } }, planNetDevices)
    t.match(text, /write\(\d+, <NETWORK 0>, 16\).*\/linux\/netDevices[\s\S]*read\(/)
  }
})
