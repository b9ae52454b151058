// Makes a clone ready to run: npm packages, generated code, compiled code, and with --for=test, demo or containerd the
// programs of the system that those need. Does only what is missing, one printed line for each thing done. Plain
// JavaScript without imports of ours, since on a fresh clone nothing else is there yet.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('../..', import.meta.url)))

const purpose = process.argv.find(argument => argument.startsWith('--for='))?.slice('--for='.length)

/** @param {string} line */
const say = line => console.log(`setup: ${line}`)

/**
 * Runs a command quietly; ends the set-up with its output when it fails.
 * @param {string} what
 * @param {string[]} command
 */
function must(what, command) {
  const [program = '', ...args] = command
  const done = spawnSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', maxBuffer: 1 << 26 })
  if (done.status === 0) return
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim() || String(done.error ?? `ended by ${done.signal}`)
  console.error(`setup: ${what} failed: ${command.join(' ')}\n${output}`)
  process.exit(1)
}

/** @param {string} path */
const json = path => JSON.parse(readFileSync(path, 'utf8'))

/** Whether node_modules holds just what the lock file asks for, by npm's own record of what it installed. */
function packagesMatch() {
  if (!existsSync('node_modules/.package-lock.json')) return false
  const wanted = json('package-lock.json').packages
  const installed = json('node_modules/.package-lock.json').packages
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    const found = installed[path]
    if (path === '') return true
    // An optional package is left out on machines that it is not made for.
    if (found === undefined) return optional === true
    return found.version === version && found.integrity === integrity && existsSync(path)
  })
}

function installPackages() {
  if (packagesMatch()) return
  say('installing the npm packages of package-lock.json')
  must('npm ci', ['npm', 'ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'])
}

function generate() {
  const inputs = ['src/dev/gen.ts', 'package-lock.json', ...readdirSync('schemas').map(name => join('schemas', name))]
  const hash = createHash('sha256')
  for (const path of inputs.sort()) hash.update(`${path}\0`).update(readFileSync(path))
  const stamp = 'src/spec/gen/inputs.sha256'
  const digest = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  say('writing types and validators from schemas/')
  must('npm run gen', ['node_modules/.bin/tsx', 'src/dev/gen.ts'])
  writeFileSync(stamp, digest)
}

function compile() {
  // The compiler's record of what it wrote outlives what it wrote.
  if (!existsSync('dist/src/errors.js')) {
    rmSync('dist/.tsbuildinfo', { force: true })
    say('compiling to dist/')
  }
  must('tsc', ['node_modules/.bin/tsc', '-p', '.'])
}

/** @param {string} name */
const program = name =>
  (process.env.PATH ?? '').split(delimiter).some(directory => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/**
 * Whether an ELF file asks for no dynamic loader: it has no program header of type PT_INTERP (3).
 * @param {string} path
 */
function isStatic(path) {
  if (!existsSync(path)) return false
  const head = Buffer.alloc(4096)
  const fd = openSync(path, 'r')
  const length = readSync(fd, head)
  closeSync(fd)
  if (length < 64 || head.readUInt32BE(0) !== 0x7f454c46) return false
  const [offset, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)]
  for (let index = 0; index < count; index++) {
    const at = offset + index * size
    if (at + 4 > length || head.readUInt32LE(at) === 3) return false
  }
  return true
}

/** @type {Record<string, { purposes: string[], isThere: () => boolean }>} */
const SYSTEM_PACKAGES = {
  'busybox-static': { purposes: ['demo', 'test', 'containerd'], isThere: () => isStatic('/bin/busybox') },
  runc: { purposes: ['test', 'containerd'], isThere: () => program('runc') },
  containerd: {
    purposes: ['containerd'],
    isThere: () => ['containerd', 'ctr', 'containerd-shim-runc-v2'].every(program),
  },
  crun: { purposes: ['test'], isThere: () => program('crun') },
  strace: { purposes: ['test'], isThere: () => program('strace') },
  'qemu-user-static': { purposes: ['test'], isThere: () => program('qemu-aarch64-static') },
  gcc: { purposes: ['test'], isThere: () => program('gcc') },
  // The C library of libseccomp, which runc and crun use as well.
  libseccomp2: {
    purposes: ['test'],
    isThere: () => ['x86_64', 'aarch64'].some(name => existsSync(`/usr/lib/${name}-linux-gnu/libseccomp.so.2`)),
  },
  'libc6-dev': { purposes: ['test'], isThere: () => existsSync('/usr/include/linux/mount.h') },
}

/** What cannot be installed is left to the tests and the demo, which say what they skip. */
function installSystemPackages() {
  const missing = () =>
    Object.entries(SYSTEM_PACKAGES)
      .filter(([, entry]) => entry.purposes.includes(purpose ?? '') && !entry.isThere())
      .map(([name]) => name)
  const wanted = missing()
  if (wanted.length === 0) return
  if (process.getuid?.() !== 0 || !program('apt-get')) {
    say(`not installed, and only root can with apt: ${wanted.join(' ')} (what needs them is skipped)`)
    return
  }
  say(`installing with apt: ${wanted.join(' ')}`)
  /** @param {string[]} args */
  const apt = args =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=60', ...args], {
      stdio: 'ignore',
      timeout: 600_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  apt(['update'])
  // One by one, since one that this system does not offer must not keep the others away.
  for (const name of wanted) apt(['install', '-y', '--no-install-recommends', name])
  const absent = missing()
  if (absent.length > 0) say(`could not be installed: ${absent.join(' ')} (what needs them is skipped)`)
}

installPackages()
generate()
compile()
installSystemPackages()
