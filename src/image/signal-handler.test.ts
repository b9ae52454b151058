import t from 'tap'
import { ARCHITECTURES, column } from '../abi/architecture.ts'
import { SYSCALLS } from '../abi/syscalls.ts'
import { Arm64 } from './arm64.ts'
import { signalGatherer, signalHandler } from './signal-handler.ts'

const PIDFD = 0x1234
const PID = 0x123456

t.test('the code for aarch64 is what the assembler makes', t => {
  const machine = new Arm64()
  machine.move('arg1', 'arg0')
  machine.constant('arg0', PIDFD)
  machine.constant('arg2', 0)
  machine.constant('arg3', 0)
  machine.constant('number', SYSCALLS.pidfd_send_signal[column('aarch64')] ?? 0)
  machine.syscall()
  const code = signalHandler('aarch64', PIDFD) ?? new Uint8Array()
  t.same(Buffer.from(code.subarray(4, -4)), Buffer.from(machine.finish()))
  const other = new Arm64()
  other.move('arg2', 'arg0')
  other.constant('arg0', PID)
  other.move('arg1', 'arg0')
  other.constant('number', SYSCALLS.tgkill[column('aarch64')])
  other.syscall()
  t.same(Buffer.from(signalGatherer('aarch64', PID).subarray(4, -4)), Buffer.from(other.finish()))
  t.end()
})

t.test('the descriptor is in the code; one that has no place there is refused', t => {
  for (const architecture of ARCHITECTURES) {
    t.notSame(signalHandler(architecture, 7), signalHandler(architecture, 8), architecture)
    t.equal(signalHandler(architecture, 0x10000), undefined, architecture)
  }
  t.end()
})
