// What the runtime-spec 1.3 demands of a runtime on Linux, document by document, and which cases show it. A test
// compares both ways: with the names of the cases, and with the sections of the documents.

import type { Requirement } from './requirement.ts'
import { CONFIG_REQUIREMENTS } from './requirements/config.ts'
import { CONFIG_LINUX_REQUIREMENTS } from './requirements/config-linux.ts'
import { FEATURES_REQUIREMENTS } from './requirements/features.ts'
import { RUNTIME_REQUIREMENTS } from './requirements/runtime.ts'

export const REQUIREMENTS: readonly Requirement[] = [
  ...RUNTIME_REQUIREMENTS,
  ...CONFIG_REQUIREMENTS,
  ...CONFIG_LINUX_REQUIREMENTS,
  ...FEATURES_REQUIREMENTS,
]
