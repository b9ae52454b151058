// The control: a case that runc does not pass is wrong, or misses.ts says why. All of them: npm run conformance.
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { conductAll } from './suite.ts'

if (spawnSync('runc', ['--version']).error) t.pass('conformance', { skip: 'needs runc' })
else await conductAll('runc', /^runtime.md (create|start|state|kill|delete)/)
