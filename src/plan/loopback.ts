// The loopback interface of a new network namespace, which is there but down. See netdevice(7).
import { IFF, ifreq, SIOC } from '../abi/net.ts'
import { AF, SOCK } from '../abi/socket.ts'
import { bytes, type Op, slot, syscall } from '../program/op.ts'
import { isNew, type PlanContext } from './context.ts'
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
