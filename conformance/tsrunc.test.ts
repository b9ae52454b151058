// Conformance of this repository's tsrunc.
import { conductAll } from './suite.ts'

await conductAll(undefined, /./)
