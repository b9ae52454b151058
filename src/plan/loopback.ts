// The network of the container: the loopback interface of a new namespace, which is there but down, and the devices of
// linux.netDevices, which the host moves in (runtime/net-devices.ts), since they are the host's. See netdevice(7).
import { IFF, ifreq, SIOC } from '../abi/net.ts'
import { AF, SOCK } from '../abi/socket.ts'
import { bytes, type Op, slot, syscall } from '../program/op.ts'
import { isNew, type PlanContext, say, waitForGo } from './context.ts'
import { close } from './mount-calls.ts'

/** Its addresses come by themselves as soon as it is up. */
export function planLoopback(context: PlanContext): Op[] {
  if (!isNew(context, 'network')) return []
  const origin = { pointer: context.namespaces.get('network')?.pointer ?? '/linux/namespaces', intent: 'bring lo up' }
  const socket = slot('a socket for ioctl')
  const request = ifreq.encode({ ifr_flags: IFF.bits.IFF_UP })
  request.set(new TextEncoder().encode('lo'))
  // any family will do, and this one every kernel has
  const args = [AF.values.AF_UNIX, SOCK.bits.SOCK_DGRAM | SOCK.bits.SOCK_CLOEXEC, 0]
  return [
    syscall('socket', args, origin, { result: socket }),
    syscall('ioctl', [socket, SIOC.values.SIOCSIFFLAGS, bytes(request, '{ifr_name="lo", ifr_flags=IFF_UP}')], origin),
    close(socket, origin),
  ]
}

export function planNetDevices(context: PlanContext): Op[] {
  if (Object.keys(context.spec.linux?.netDevices ?? {}).length === 0) return []
  const origin = { pointer: '/linux/netDevices', intent: 'let the host move network devices in' }
  return [...say(context, 'NETWORK', 0n, origin), ...waitForGo(context, origin)]
}
