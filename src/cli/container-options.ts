// The flags that create, run and plan share → what the runtime's verbs take.
import type { CreateOptions } from '../runtime/create.ts'
import type { Values } from './arguments.ts'
import { callerDescriptorLimit } from './descriptor-limit.ts'
import type { CONTAINER } from './options.ts'
import { absolute, optionalPath } from './paths.ts'

export function createOptions(values: Values<typeof CONTAINER>): CreateOptions {
  const pidFile = optionalPath('--pid-file', values['pid-file'])
  const consoleSocket = optionalPath('--console-socket', values['console-socket'])
  const pidfdSocket = optionalPath('--pidfd-socket', values['pidfd-socket'])
  const descriptorLimit = callerDescriptorLimit()
  return {
    bundle: absolute('--bundle', values.bundle || '.'),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(descriptorLimit === undefined ? {} : { descriptorLimit }),
    preserveFds: values['preserve-fds'] ?? 0,
    noPivot: values['no-pivot'] ?? false,
    noNewKeyring: values['no-new-keyring'] ?? false,
  }
}
