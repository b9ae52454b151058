// Each case in a process of its own, which it spoils for anything else.
import { spawnSync } from 'node:child_process'
import t from 'tap'

const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)

/** What a program prints that has all of this folder's that the cases need. */
function printed(script: string): string {
  const imports = `
    import { readFileSync } from 'node:fs'
    import { SignalInbox } from ${module('./signal-inbox.js')}
    import { signalGatherer } from ${module('../image/signal-handler.js')}
    import { architecture } from ${module('./identity.js')}
    const blocked = () => /^SigBlk:\\t(\\w+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))[1]
    const gatherer = () => signalGatherer(architecture, process.pid)`
  const options = { encoding: 'utf8', timeout: 10_000 } as const
  const { stdout, stderr, status, signal } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', imports + script],
    options,
  )
  return status === 0 ? stdout.trim() : `${status ?? signal}: ${stderr}`
}

t.test('signals wait until they are read, whichever thread the kernel would give them to', t => {
  const text = printed(`
    const inbox = SignalInbox.open([10, 15, 34, 64], gatherer)
    for (const signal of [64, 34, 15, 34, 10]) process.kill(process.pid, signal)
    const found = []
    while (found.length < 5) found.push(...inbox.read())
    console.log(found.sort().join())`)
  t.equal(text, '10,15,34,34,64')
  t.end()
})

t.test('without memory for the code nothing is changed', t => {
  const text = printed(`
    process.once('SIGTERM', () => console.log('heard'))
    const before = blocked()
    console.log(SignalInbox.open([10, 15], () => new Uint8Array()), blocked() === before)
    process.kill(process.pid, 'SIGTERM')
    setTimeout(() => {}, 100)`)
  t.equal(text, 'undefined true\nheard')
  t.end()
})
