// The suite for tsrunc under Node, for the executable and for the controls runc and crun, one after the other, each in a
// process of its own: TAP with a subtest a runtime, and one table of all.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Outcome, sideBySide } from './summary.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))
const EXECUTABLE = fileURLToPath(new URL('../tsrunc', import.meta.url))

const isInstalled = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

interface Subject {
  readonly name: string
  /** For RUNTIME. */
  readonly binary: string
  /** Why it cannot be tried. */
  readonly missing: string | undefined
}

const subjects = (): readonly Subject[] => [
  { name: 'tsrunc (Node)', binary: '', missing: undefined },
  {
    name: 'dist/tsrunc',
    binary: EXECUTABLE,
    missing: existsSync(EXECUTABLE) ? undefined : 'not built: npm run build',
  },
  ...['runc', 'crun'].map(name => ({
    name,
    binary: name,
    missing: isInstalled(name) ? undefined : `${name} is not installed`,
  })),
]

interface Tried {
  readonly text: string
  readonly status: number
  readonly outcomes: readonly Outcome[]
}

async function attempt({ binary }: Subject, names: string, file: string): Promise<Tried> {
  const env = { ...process.env, RUNTIME: binary, CONFORMANCE_OUTCOMES: file }
  const child = spawn(process.execPath, [MAIN, names], { stdio: ['ignore', 'pipe', 'inherit'], env })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve(code ?? 1))
  })
  return { text, status, outcomes: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [] }
}

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '    ')

/** The exit status: 0 when every runtime did what is expected of it. */
export async function runAll(names: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-all-'))
  const tried = new Map<string, readonly Outcome[]>()
  let failures = 0
  process.stdout.write(`TAP version 14\n1..${subjects().length}\n`)
  try {
    for (const [index, subject] of subjects().entries()) {
      const line = `ok ${index + 1} - ${subject.name}`
      if (subject.missing !== undefined) {
        process.stdout.write(`${line} # SKIP ${subject.missing}\n`)
        continue
      }
      const { text, status, outcomes } = await attempt(subject, names, join(directory, `${index}.json`))
      tried.set(subject.name, outcomes)
      if (status !== 0) failures++
      process.stdout.write(`# Subtest: ${subject.name}\n${indented(text)}\n${status === 0 ? '' : 'not '}${line}\n`)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  process.stdout.write(sideBySide(tried))
  return failures === 0 ? 0 : 1
}
