// What a fresh clone meets first: the lock file, and the set-up where everything is done already.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const packages: Readonly<Record<string, Package>> = JSON.parse(
  readFileSync(join(repository, 'package-lock.json'), 'utf8'),
).packages

/** As Node resolves: in the package's own node_modules, then in those of the folders above. */
function isLocked(path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (Object.hasOwn(packages, `${folder === '' ? '' : `${folder}/`}node_modules/${name}`)) return true
    if (folder === '') return false
  }
}

// npm leaves packages for other platforms out when its registry has them not, and "npm ci" then refuses the file.
t.test('the lock file names every package that a package of it may want', t => {
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies, devDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies, ...(path === '' ? devDependencies : {}) })
      .filter(name => !isLocked(path, name))
      .map(name => `${path}: ${name}`),
  )
  t.ok(Object.keys(packages).length > 100)
  t.same(missing, [])
  t.end()
})

t.test('versions are exact', t => {
  const own = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  for (const [name, version] of Object.entries({ ...own.dependencies, ...own.devDependencies })) {
    t.match(version, /^\d+\.\d+\.\d+$/, name)
  }
  t.end()
})

t.test('the set-up says nothing and takes no time when all is done', t => {
  const start = performance.now()
  const done = spawnSync(process.execPath, [join(repository, 'src/dev/setup.mjs')], { encoding: 'utf8', cwd: '/' })
  t.equal(done.status, 0, done.stderr)
  t.equal(done.stdout, '')
  t.ok(performance.now() - start < 10_000)
  t.end()
})
