// Handlers for signals that the engine has no events for. They are machine code, which runs wherever the signal arrives:
// JavaScript could not. sigaction(2), mmap(2).
import { MAP, PROT } from '../abi/mman.ts'
import { SA, SIG_DFL, SIG_IGN, sigaction } from '../abi/sigaction.ts'
import { TsruncError } from '../errors.ts'
import { signalCalls } from './libc-signals.ts'
import { sealedMemfd } from './memfd.ts'

interface HandlerOptions {
  /** Signals that have a handler, too: it is the engine's. */
  readonly evenHandled?: boolean
}

/**
 * Makes the code the handler of those among the signals that have none. The way back gives them what they did before;
 * the code stays in memory, for a handler may be at work. Undefined, with nothing done, where memory may not hold code
 * that is not of a program (SELinux, vm.memfd_noexec).
 */
export function handleSignals(
  signals: readonly number[],
  code: Uint8Array,
  { evenHandled = false }: HandlerOptions = {},
): (() => void) | undefined {
  const handler = executable(code)
  if (handler === undefined) return undefined
  const changed: [number, Uint8Array][] = []
  const action = sigaction.encode({ handler, flags: SA.bits.SA_RESTART })
  for (const number of signals) {
    const before = new Uint8Array(sigaction.size)
    signalCalls.sigaction(number, action, before)
    const old = new DataView(before.buffer).getBigUint64(sigaction.offset('handler'), true)
    if (evenHandled || old === SIG_DFL || old === SIG_IGN) changed.push([number, before])
    else signalCalls.sigaction(number, before, null)
  }
  return () => {
    for (const [number, before] of changed) signalCalls.sigaction(number, before, null)
  }
}

/** The address of the code in memory that can be executed and not written. */
function executable(code: Uint8Array): bigint | undefined {
  try {
    using file = sealedMemfd('signal-handler', code)
    const { PROT_READ, PROT_EXEC } = PROT.bits
    return BigInt(signalCalls.mmap(null, code.length, PROT_READ | PROT_EXEC, MAP.bits.MAP_PRIVATE, file.number, 0))
  } catch (error) {
    if (error instanceof TsruncError) return undefined
    throw error
  }
}
