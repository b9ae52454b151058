// Conformance of this repository's tsrunc, in part: the operations. All of it: npm run conformance.
import { conductAll } from './suite.ts'

await conductAll(undefined, /^runtime.md (create|start|state|kill|delete)/)
