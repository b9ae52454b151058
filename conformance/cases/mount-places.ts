// Places of mounts that an image, or somebody else who can write to it, has prepared: config.md#mounts. Whatever is in
// the way means what it means inside the container, or is an error; nothing outside is ever touched.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import { bind, host, mountOn, seen, tmpfs } from '../mounts.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md mounts'

/** A directory of the host that nobody may touch, at a path that links of the image name. */
function outside(world: World): string {
  const directory = join(world.directory, 'outside')
  mkdirSync(directory)
  writeFileSync(join(directory, 'file'), 'of the host')
  return directory
}

function untouched(directory: string): void {
  assert.deepEqual(readdirSync(directory), ['file'], 'something was made outside')
}

function link(world: World, target: string, place: string): void {
  mkdirSync(dirname(world.bundle.inRoot(place)), { recursive: true })
  symlinkSync(target, world.bundle.inRoot(place))
}

export const mountPlaceCases: readonly Case[] = [
  defineCase(SECTION, 'a link in any component leads to a place inside', world => {
    const away = outside(world)
    for (const target of [away, `../../../../../../../../../..${away}`])
      for (const [place, destination] of [
        ['link', '/link/b/c'],
        ['a/link', '/a/link/c'],
        ['a/b/link', '/a/b/link'],
      ] as const) {
        link(world, target, place)
        world.bundle.config.mounts = [tmpfs(destination), { destination: '/proc', type: 'proc', source: 'proc' }]
        const inside = destination.replace(/.*link/, away)
        assert.equal(mountOn(seen(world), inside).type, 'tmpfs')
        untouched(away)
        assert.ok(existsSync(world.bundle.inRoot(inside)))
        for (const made of [place.split('/')[0] ?? '', away.split('/')[1] ?? ''])
          rmSync(world.bundle.inRoot(made), { recursive: true, force: true })
      }
  }),

  defineCase(SECTION, 'a link to a file of the host is a place inside for a bind of a file', world => {
    const away = outside(world)
    link(world, join(away, 'file'), 'etc/link')
    writeFileSync(join(world.directory, 'source'), 'bound')
    world.bundle.config.mounts.push(bind(join(world.directory, 'source'), '/etc/link'))
    assert.equal(world.output('cat /etc/link'), 'bound')
    untouched(away)
  }),

  defineCase(SECTION, 'a link without an end is an error', world => {
    link(world, 'loop', 'loop')
    for (const destination of ['/loop', '/loop/below']) {
      world.bundle.config.mounts = [tmpfs(destination)]
      world.refused()
    }
  }),

  defineCase(SECTION, 'a file where a directory has to be is an error', world => {
    world.bundle.touch('etc/file')
    for (const destination of ['/etc/file', '/etc/file/below']) {
      world.bundle.config.mounts = [tmpfs(destination)]
      world.refused()
    }
  }),

  defineCase(SECTION, 'names may hold all bytes but one', world => {
    const names = ['new\nline', ' blanks ', 'tab\t', '\\040', '"quotes\'', '$(x)', '%s', 'ü', '-n', '...']
    for (const name of names) world.bundle.config.mounts.push(tmpfs(`/mnt/${name}`), tmpfs(`/mnt/${name}/${name}`))
    const mounts = seen(world)
    for (const name of names) mountOn(mounts, `/mnt/${name}/${name}`)
  }),

  defineCase(SECTION, 'paths up to the limit of the kernel work, beyond it they are an error', world => {
    const long = `/${'p'.repeat(254)}`.repeat(15)
    world.atEnd(() => host('rm', '-rf', world.bundle.inRoot('p'.repeat(254)))) // on the host it is longer still
    world.bundle.config.mounts.push(tmpfs(`${long}/${'e'.repeat(255)}`))
    world.output('true')
    for (const path of [`/${'n'.repeat(256)}`, `${long}${long}`]) {
      world.bundle.config.mounts = [tmpfs(path)]
      world.refused()
    }
  }),

  defineCase(SECTION, 'a link to the root is no way to cover it', world => {
    link(world, '/', 'root')
    link(world, '../..', 'a/up')
    for (const destination of ['/root', '/a/up']) {
      world.bundle.config.mounts = [tmpfs(destination)]
      world.refused()
    }
  }),

  defineCase('config.md mounts', 'a directory that becomes a link meanwhile leads nowhere outside', async world => {
    const away = outside(world)
    const { bundle } = world
    mkdirSync(bundle.inRoot('race/place'), { recursive: true })
    // changes places with a link out of the rootfs as fast as it can
    const swap = `cd ${bundle.inRoot('race')} && ln -s ${away} other && while :; do mv -T place aside; mv -T other place; mv -T place other; mv -T aside place; done`
    const swapper = spawn('busybox', ['sh', '-c', swap], { stdio: 'ignore' })
    try {
      for (let round = 0; round < 12; round++) {
        const copies = round % 3 === 0
        bundle.config.mounts = copies
          ? [tmpfs('/race', 'tmpcopyup')]
          : [tmpfs('/race/place'), tmpfs('/race/place/deep/er')]
        bundle.script('cat /race/*/file 2>/dev/null; touch /race/place/mine').write()
        const { status, stdout, stderr } = await world.runtime.launch(['run', '--bundle', bundle.path, world.id]).ended
        assert.ok(status !== null && (status === 0 || stderr !== ''), 'ends well, or says why not')
        assert.equal(stdout, '', 'a file of the host came in')
        untouched(away)
      }
    } finally {
      swapper.kill('SIGKILL')
    }
  }),
]
