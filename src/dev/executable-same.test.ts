// A process that goes on from the snapshot does what one does that the engine has started, whatever it is given.
import t from 'tap'
import { needsRoot, without } from './executable-testing.ts'
import { noSnapshot, same, withoutDescriptors } from './ordinary-testing.ts'

const skip = noSnapshot || without('bash')

t.test('arguments', { skip }, t => {
  const many = `$(printf '%090000d' 0) $(printf '%0100000d' 1)`
  for (const lines of [
    ['', '""', '"" "" ""', 'state ""', 'state "a b"', "state $'a\\nb'", 'help run', 'run --help', '--debug state x'],
    [
      "state $'\\xff\\xfe'",
      "state $'\\xc3'",
      'state ä€😀',
      '--root "" state x',
      '--root= --log= state x',
      'state -- -x',
    ],
    ['stat', 'plan --bundle=$R/none', `state ${many}`, 'features'],
  ])
    same(t, lines.map(line => `$T ${line}; echo $?`).join('\n'))
  t.match(same(t, `$T --root $R state $'x\\n'`).stderr, 'invalid container ID format: "x\\n"')
  t.end()
})

t.test('variables', { skip: skip || needsRoot || without('unshare') }, t => {
  const odd = {
    XDG_RUNTIME_DIR: '/ä\n=',
    BUN_OPTIONS: '--version',
    SNAPSHOT_FROM: '/',
    SOFT_NOFILE: 'aaaaaaaaaaaaaaab',
  }
  const rows: Record<string, string>[] = [
    { XDG_RUNTIME_DIR: '/dev/null' },
    { XDG_RUNTIME_DIR: '' },
    { XDG_RUNTIME_DIR: 'relative', USER: 'x' },
    odd,
  ]
  for (const env of rows) same(t, 'unshare --user --map-root-user $T list', env)
  // of two with the same name the first counts
  same(t, `exec -c env -S 'A=1' $T --root $R list`)
  t.end()
})

t.test('paths, from the current directory', { skip }, t => {
  const made = same(
    t,
    `mkdir b; $T spec -b b; cat b/config.json; cd b; mkdir rootfs; $T --root r plan; $T --root ../r list; ls .. .
    mkdir c; cd c; $T spec; cd ..; ls c; $T --log l state x; $T --log c/l --log-format text state x; cut -c 40- l c/l
    ln -s / l; cd l; $T plan -b nowhere/../none; cd -; cd ./l/usr; $T plan`,
  )
  t.match(made.stdout, '"ociVersion"')
  t.end()
})

t.test('users', { skip: skip || needsRoot || without('setpriv') }, t => {
  const as = 'setpriv --reuid=65534 --regid=65534 --clear-groups'
  const commands = ['list', 'state x', 'spec --rootless --bundle .; cat config.json; rm config.json', 'plan']
  const lines = commands.map(command => `XDG_RUNTIME_DIR=$PWD ${as} $T ${command}`)
  same(t, ['chmod 777 .', ...lines].join('\n'), {}, withoutDescriptors)
  // a directory that it may not enter
  const closed = `mkdir own; cd own; chmod 700 .; ${as} $T plan; XDG_RUNTIME_DIR=/dev/null ${as} $T list`
  t.match(same(t, closed, {}, withoutDescriptors).stderr, 'permission denied')
  t.end()
})

t.test('what it prints to', { skip }, t => {
  same(t, `$T features | head -c 3; echo $PIPESTATUS; $T help > /dev/full; echo $?; $T state x 2> /dev/full`)
  same(t, 'exec 3< <(sleep 1); $T features > >(exit); wait; echo $?')
  t.end()
})

t.test('large and deep documents', { skip }, t => {
  const make = (what: string): string => `mkdir -p b/rootfs; cd b; $T spec; node -e '
    const { readFileSync, writeFileSync } = require("fs"), config = JSON.parse(readFileSync("config.json"))
    ${what}'`
  const write = 'writeFileSync("config.json", JSON.stringify(config))'
  const deep = 'writeFileSync("config.json", JSON.stringify(config).slice(0, -1) + ", \\"x\\": " + OPEN + CLOSE + "}")'
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '0}'],
  ] as const) {
    const nested = deep
      .replace('OPEN', `${JSON.stringify(open).replaceAll('\\', '\\')}.repeat(1e5)`)
      .replace('CLOSE', `"${close}".repeat(1e5)`)
    t.match(same(t, `${make(nested)}; $T plan`).stderr, 'levels deep')
  }
  // several collections of garbage; the second needs hundreds of MiB in all
  const annotations = `for (let i = 0; i < 75000; i++) (config.annotations ??= {})["key." + i] = "v".repeat(90); ${write}`
  const mounts = `for (let i = 0; i < 1500; i++)
    config.mounts.push({ destination: "/m" + i, type: "tmpfs", source: "none", options: ["ro", "nosuid"] }); ${write}`
  for (const what of [annotations, mounts])
    t.equal(
      same(t, `${make(what)}; $T plan | sed 's/place-[A-Za-z0-9]*//g' | md5sum; exit \${PIPESTATUS[0]}`).status,
      0,
    )
  t.end()
})
