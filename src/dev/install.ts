// `npm run install:system` and `uninstall:system`: the executable to PREFIX/bin, koffi's native file to
// PREFIX/lib/tsrunc; PREFIX is /usr/local unless given, and DESTDIR, for packages, comes before both. Each file is
// written beside its place and renamed, the executable last and only after the copy has answered from there: whoever
// runs tsrunc meanwhile gets the old one or the new one. `strip` does the executable no harm.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkThatItAnswers } from './executable.ts'

const dist = fileURLToPath(new URL('../..', import.meta.url))
const root = join(process.env.DESTDIR || '/', process.env.PREFIX || '/usr/local')

interface File {
  readonly name: string
  readonly place: string
  readonly mode: number
  /** Called with the path of the copy, which is in the directory of its place. */
  readonly check?: (copy: string) => void
}

const FILES: readonly File[] = [
  { name: 'koffi.node', place: join(root, 'lib/tsrunc/koffi.node'), mode: 0o644 },
  { name: 'tsrunc', place: join(root, 'bin/tsrunc'), mode: 0o755, check: checkThatItAnswers },
]

function install({ name, place, mode, check }: File): void {
  mkdirSync(dirname(place), { recursive: true, mode: 0o755 })
  const copy = join(dirname(place), `.${name}-${process.pid}`)
  try {
    writeFileSync(copy, readFileSync(join(dist, name))) // written at once the kernel holds it in huge pages, copied it does not
    chmodSync(copy, mode)
    check?.(copy)
    renameSync(copy, place)
  } finally {
    rmSync(copy, { force: true })
  }
  console.log(`installed: ${place}`)
}

function uninstall({ place }: File): void {
  const found = lstatSync(place, { throwIfNoEntry: false })
  if (found === undefined) return
  // A link is not what was installed: "npm link" makes one.
  const isOurs = found.isFile()
  if (isOurs) rmSync(place)
  console.log(`${isOurs ? 'removed' : 'left alone, since it is no file'}: ${place}`)
}

process.umask(0o022) // for everybody to read, whatever the caller's files are like
if (process.argv.includes('--remove')) {
  for (const file of [...FILES].reverse()) uninstall(file)
  const own = join(root, 'lib/tsrunc')
  const isEmpty = lstatSync(own, { throwIfNoEntry: false })?.isDirectory() && readdirSync(own).length === 0
  if (isEmpty) rmdirSync(own)
} else for (const file of FILES) install(file)
