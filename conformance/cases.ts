// All cases, in the order in which they are tried: one list a subject, each in a file of its own.
import type { Case } from './case.ts'
import { configCases } from './cases/config.ts'
import { createCases } from './cases/create.ts'
import { deleteCases } from './cases/delete.ts'
import { dialectCases } from './cases/dialect.ts'
import { featureCases } from './cases/features.ts'
import { filesystemCases } from './cases/filesystems.ts'
import { hookRuleCases } from './cases/hook-rules.ts'
import { hookCases } from './cases/hooks.ts'
import { killCases } from './cases/kill.ts'
import { lifecycleCases } from './cases/lifecycle.ts'
import { namespaceCases } from './cases/namespaces.ts'
import { propagationCases } from './cases/propagation.ts'
import { resourceCases } from './cases/resources.ts'
import { runCases } from './cases/run.ts'
import { startCases } from './cases/start.ts'
import { stateCases } from './cases/state.ts'
import { userNamespaceCases } from './cases/user-namespaces.ts'

export const CASES: readonly Case[] = [
  ...createCases,
  ...startCases,
  ...stateCases,
  ...killCases,
  ...deleteCases,
  ...lifecycleCases,
  ...hookCases,
  ...hookRuleCases,
  ...configCases,
  ...filesystemCases,
  ...propagationCases,
  ...namespaceCases,
  ...userNamespaceCases,
  ...resourceCases,
  ...runCases,
  ...dialectCases,
  ...featureCases,
]
