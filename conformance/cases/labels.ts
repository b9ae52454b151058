// Labels of security modules: config.md#linux-process, config-linux.md#mount-label. Where the kernel runs none, a
// config that asks for one is refused before anything is made.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { type Case, defineCase, Skip } from '../case.ts'
import { set } from '../changes.ts'

const LINUX = 'config.md linux-process'
const MOUNTS = 'config-linux.md mount-label'

const SWITCH = '/sys/module/apparmor/parameters/enabled'
const hasAppArmor = (): boolean => existsSync(SWITCH) && readFileSync(SWITCH, 'utf8').startsWith('Y')
/** Before a policy is loaded every label is this one. */
const hasSelinux = (): boolean =>
  existsSync('/sys/fs/selinux/enforce') && !/^kernel\b/.test(readFileSync('/proc/self/attr/current', 'utf8'))
const LABEL = 'system_u:system_r:container_t:s0:c1,c2'

function missing(has: boolean, module: string): void {
  if (has) throw new Skip(`the kernel runs ${module}`)
}
function present(has: boolean, module: string): void {
  if (!has) throw new Skip(`the kernel does not run ${module}`)
}

export const labelCases: readonly Case[] = [
  defineCase('runc: labels', 'an AppArmor profile without AppArmor is an error that names it', world => {
    missing(hasAppArmor(), 'AppArmor')
    set(world, { 'process/apparmorProfile': 'profile' })
    world.refused(/apparmor/i)
  }),

  defineCase('runc: labels', 'an SELinux label without SELinux is an error that names it', world => {
    missing(hasSelinux(), 'SELinux')
    set(world, { 'process/selinuxLabel': LABEL })
    world.refused(/selinux/i)
  }),

  defineCase(MOUNTS, 'a label for mounts without SELinux is an error', world => {
    missing(hasSelinux(), 'SELinux')
    set(world, { 'linux/mountLabel': LABEL })
    world.refused()
  }),

  defineCase(LINUX, 'the program runs under its AppArmor profile', world => {
    present(hasAppArmor(), 'AppArmor')
    set(world, { 'process/apparmorProfile': 'unconfined' })
    assert.match(world.output('cat /proc/self/attr/apparmor/current'), /^unconfined/)
  }),

  defineCase(LINUX, 'the program runs under its SELinux label', world => {
    present(hasSelinux(), 'SELinux')
    const own = readFileSync('/proc/self/attr/current', 'utf8').replace('\0', '')
    set(world, { 'process/selinuxLabel': own })
    assert.equal(world.output('cat /proc/self/attr/current').replace('\0', ''), own)
  }),

  defineCase(LINUX, 'empty labels ask for nothing', world => {
    set(world, { 'process/apparmorProfile': '', 'process/selinuxLabel': '', 'linux/mountLabel': '' })
    assert.equal(world.output('echo runs'), 'runs\n')
  }),
]
