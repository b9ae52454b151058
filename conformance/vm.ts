// The suite in a virtual machine with cgroup v2 alone, for what a machine with v1 or hybrid cgroups cannot show. The
// program that runs a command in such a machine is not part of this repository: `run-in-vm -t SECONDS DIRECTORY
// COMMAND...` has to share the directory at its own path, pass on output and exit status. Arguments are those of
// main.ts; without any, all four runtimes are tried.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const RUNNER = process.env.CONFORMANCE_VM ?? resolve(REPOSITORY, '../shared/vm/run-in-vm')
const TIMEOUT_S = process.env.CONFORMANCE_VM_TIMEOUT ?? '3600'

if (!existsSync(RUNNER)) {
  console.error(`conformance:vm: ${RUNNER} is not there: name a program that runs a command in a VM in CONFORMANCE_VM`)
  process.exit(1)
}
const given = process.argv.slice(2)
// the directory for temporary files has to be on a disk: overlays and extended attributes
const variables = ['TMPDIR=/var/tmp', ...(process.env.RUNTIME ? [`RUNTIME=${process.env.RUNTIME}`] : [])]
const command = ['env', ...variables, 'node', 'dist/conformance/main.js', ...(given.length > 0 ? given : ['--all'])]
const { status, error } = spawnSync(RUNNER, ['-t', TIMEOUT_S, REPOSITORY, ...command], { stdio: 'inherit' })
if (error) throw error
process.exitCode = status ?? 1
