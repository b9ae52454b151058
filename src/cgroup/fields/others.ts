// linux.resources: pids, huge pages, network, rdma, devices and the v2 files given by name.
// Documents: Documentation/admin-guide/cgroup-v1/{pids,hugetlb,net_cls,net_prio,rdma}.rst, cgroup-v2.rst.
import type { HugepageLimit, InterfacePriority, Rdma } from '../../spec/gen/types.ts'
import type { Write } from '../write.ts'
import {
  asToken,
  each,
  file,
  hasNoKeys,
  type Integer,
  invalid,
  isEmpty,
  isZero,
  type Maker,
  onlyV1,
  type Row,
  row,
} from './row.ts'

/** 0 is a valid limit: nothing more can be started. It would stop init's own start, hence late. */
const pidsMax = file<Integer>('pids', 'pids.max', { late: true }, limit => (BigInt(limit) < 0n ? 'max' : String(limit)))

/** The limit of use, and that of reservations, which kernels before 5.7 do not have. */
const hugepages = (limit: string): Maker<readonly HugepageLimit[]> =>
  each(({ pageSize, limit: bytes }, pointer) => {
    if (!/^[1-9][0-9]*[KMG]B$/.test(pageSize))
      throw invalid(`${pointer}/pageSize`, `found ${JSON.stringify(pageSize)}, allowed is a size such as 2MB`)
    const write = { controller: 'hugetlb', value: String(bytes), pointer, needs: `huge pages of ${pageSize}` }
    return [
      { ...write, file: `hugetlb.${pageSize}.${limit}` },
      { ...write, file: `hugetlb.${pageSize}.rsvd.${limit}`, whenMissing: 'skip' },
    ]
  })

const rdmaMax: Maker<Record<string, Rdma>> = (devices, pointer) =>
  Object.entries(devices).map(([name, { hcaHandles, hcaObjects }]) => {
    const parts = [name]
    if (hcaHandles !== undefined) parts.push(`hca_handle=${hcaHandles}`)
    if (hcaObjects !== undefined) parts.push(`hca_object=${hcaObjects}`)
    return { controller: 'rdma', file: 'rdma.max', value: parts.join(' '), pointer: `${pointer}/${asToken(name)}` }
  })

const priorities = each<InterfacePriority>(({ name, priority }, pointer) => [
  { controller: 'net_prio', file: 'net_prio.ifpriomap', value: `${name} ${priority}`, pointer },
])

/** A value of several lines is one write a line, since the kernel reads one setting at a time. */
const unified: Maker<Record<string, string>> = (files, pointer) =>
  Object.entries(files).flatMap(([name, text]): Write[] => {
    const at = `${pointer}/${asToken(name)}`
    if (name === '' || name === '.' || name === '..' || name.includes('/'))
      throw invalid(at, `unified resource ${JSON.stringify(name)} must be a file name (no slashes)`)
    const controller = name.split('.', 1)[0] ?? name
    const lines = text.split('\n').filter(line => line !== '')
    const write = { controller, file: name, pointer: at }
    return lines.map(value => (name === 'pids.max' ? { ...write, value, late: true } : { ...write, value }))
  })

const rules = { elsewhere: 'all rules together make the lines of devices.ts or the program of device-program.ts' }

export const OTHERS: readonly Row[] = [
  row(['pids/limit', 'pids', r => r.pids?.limit], {}, pidsMax, pidsMax),
  row(
    ['hugepageLimits', 'hugetlb', r => r.hugepageLimits],
    { unset: isEmpty },
    hugepages('limit_in_bytes'),
    hugepages('max'),
  ),
  row(
    ['network/classID', 'net_cls', r => r.network?.classID],
    { unset: isZero },
    file('net_cls', 'net_cls.classid'),
    onlyV1('class of packets; match the group itself in nftables or eBPF'),
  ),
  row(
    ['network/priorities', 'net_prio', r => r.network?.priorities],
    { unset: isEmpty },
    priorities,
    onlyV1('priorities of interfaces'),
  ),
  row(['rdma', 'rdma', r => r.rdma], { unset: hasNoKeys }, rdmaMax, rdmaMax),
  row(['devices', 'devices', r => r.devices], {}, rules, rules),
  // the last row, so that it wins over the others
  row(
    ['unified', '', r => r.unified],
    { unset: hasNoKeys },
    { refused: 'unified resources are files of cgroup v2, which this host does not use for containers' },
    unified,
  ),
]
