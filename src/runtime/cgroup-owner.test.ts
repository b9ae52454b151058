import t from 'tap'
import { testSpec } from '../dev/golden.ts'
import type { Mount, Namespace } from '../spec/gen/types.ts'
import { cgroupOwner } from './cgroup-owner.ts'

const CGROUP: Namespace = { type: 'cgroup' }
const WRITABLE: Mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid'] }
const MAPS = {
  uidMappings: [
    { containerID: 0, hostID: 100000, size: 10 },
    { containerID: 1000, hostID: 200000, size: 5 },
  ],
}

for (const [what, uid, namespaces, mount, maps, expected] of [
  ['without a user namespace it is the user itself', 1000, [CGROUP], WRITABLE, {}, 1000],
  ['in a user namespace it is who that is on the host', 1001, [CGROUP, { type: 'user' }], WRITABLE, MAPS, 200001],
  ['root is somebody there, too', 0, [CGROUP, { type: 'user' }], WRITABLE, MAPS, 100000],
  ['an id that is mapped to nobody owns nothing', 10, [CGROUP, { type: 'user' }], WRITABLE, MAPS, undefined],
  ['the maps of a joined namespace are not known', 0, [CGROUP, { type: 'user', path: '/x' }], WRITABLE, {}, undefined],
  ['not without a cgroup namespace', 1000, [], WRITABLE, {}, undefined],
  ['not with a joined one', 1000, [{ type: 'cgroup', path: '/x' }], WRITABLE, {}, undefined],
  ['not where it can not be written', 1000, [CGROUP], { ...WRITABLE, options: ['rw', 'ro'] }, {}, undefined],
  ['not with another source', 1000, [CGROUP], { ...WRITABLE, source: '/sys/fs/cgroup' }, {}, undefined],
  ['not at another place', 1000, [CGROUP], { ...WRITABLE, destination: '/cgroup' }, {}, undefined],
  ['however the place is written', 1000, [CGROUP], { ...WRITABLE, destination: 'sys//fs/cgroup/' }, {}, 1000],
] as const)
  t.test(what, t => {
    const process = { user: { uid, gid: 0 } }
    const linux = { namespaces, ...maps }
    t.equal(cgroupOwner(testSpec({ process, linux, spec: { mounts: [mount] } })), expected)
    t.end()
  })
