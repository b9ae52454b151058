// What containers and hooks get from a process that goes on from the snapshot: the same as from one that the engine has
// started, down to dispositions of signals and open descriptors.
import os from 'node:os'
import t from 'tap'
import { containerBundle, needsBusybox, without } from './executable-testing.ts'
import { noSnapshot, same } from './ordinary-testing.ts'

const skip = noSnapshot || needsBusybox || without('bash', 'env', 'unshare')
const id = `executable-container-${process.pid}`

const SHOW = `for f in limits status; do /bin/busybox grep -vE '^(Vm|Rss|Pid|PPid|Tgid|NS|SigQ|.*ctxt)' /proc/self/$f; done
  /bin/busybox ls -l /proc/self/fd; umask`
/** Dates, and what differs from one file to the next. */
const tidied = (text: string): string => text.replace(/\w{3} +\d+ \d\d:\d\d |(pipe|socket):\[\d+\]|\/proc\/\d+/g, '')

t.test('what a program gets', { skip }, t => {
  const bundle = containerBundle(['sh', '-c', `${SHOW}; /bin/busybox cat`], ({ process }) => {
    delete process.rlimits
  })
  const rows = [
    ['', ''],
    ['umask 027; ulimit -Sn 300; ulimit -s 1000; ulimit -c 0', ''],
    ['ulimit -n 2000; ulimit -Sn 1024', ''],
    ["trap '' INT HUP PIPE XFSZ USR1 RTMIN TERM", ''],
    ['exec env --block-signal=INT,PIPE,CHLD,TERM,RTMIN+3 --ignore-signal=USR2', ''],
    ['exec 5<&0 9>&2', ''],
    ['exec', '--preserve-fds 1 3</dev/null 4</dev/null 7</dev/null'],
    ['export LISTEN_FDS=2; LISTEN_PID=$BASHPID exec', '3</dev/null 4</dev/null 5</dev/null'],
  ] as const
  for (const [before, after] of rows) {
    const [, last = ''] = /(exec.*)$/.exec(before) ?? []
    const isPrefix = last !== '' && !last.includes('&')
    const start = `$T --root $R run -b ${bundle} ${id} ${after} <<< input`
    const { stdout, status, stderr } = same(t, `${before}${isPrefix ? '' : ';'} ${start}`.replace(/^;/, ''), {}, tidied)
    t.equal(status, 0, stderr)
    t.match(stdout, 'Max open files')
    t.match(stdout, /input\n$/)
  }
  t.end()
})

t.test('what a hook gets', { skip }, t => {
  const bundle = containerBundle(['true'], config => {
    const args = ['sh', '-c', `{ ${SHOW}; env; pwd; } > $PWD/../hook 2>&1; cat > /dev/null`]
    config.hooks = { createRuntime: [{ path: '/bin/sh', args: [...args, 'sh'] }] }
  })
  const { stdout } = same(
    t,
    `exec 5</dev/null 8>&2; $T --root $R run -b ${bundle} ${id}; cat ${bundle}/../hook`,
    {},
    tidied,
  )
  t.match(stdout, 'Max open files')
  t.end()
})

t.test('with a terminal', { skip: skip || without('script') }, t => {
  const script = '/bin/busybox tty; /bin/busybox stty -a; echo ready; read x; echo got $x; exit 7'
  const bundle = containerBundle(['sh', '-c', script], ({ process }) => {
    process.terminal = true
  })
  const typed = `mkfifo keys; exec 3<>keys
    script -qec "$T --root $R run -b ${bundle} ${id}" /dev/null <&3 |
      while read line; do echo "$line"; [[ $line == ready* ]] && echo word >&3; done; exit $PIPESTATUS`
  const { stdout, status } = same(t, typed)
  t.match(stdout, /^\/dev\/pts\/0\r\n[\s\S]*\ngot word\r\n$/)
  t.equal(status, 7)
  t.end()
})

t.test('signals reach the program', { skip }, t => {
  const program =
    'trap "echo term" TERM; trap "echo one; exit 9" USR1; echo go; while :; do /bin/busybox sleep 0.05; done'
  const bundle = containerBundle(['sh', '-c', program])
  const next = 'read -t 9 line <&$COPROC; echo $line'
  const steps = [next, 'kill -TERM $COPROC_PID', next, 'kill -USR1 $P', next, 'wait $P; echo $?']
  const script = `coproc exec $T --root $R run -b ${bundle} ${id}; P=$COPROC_PID; ${steps.join('\n')}`
  t.equal(same(t, script).stdout, 'go\nterm\none\n9\n')
  t.end()
})

t.test('the time and the process that its state tells', { skip }, t => {
  const bundle = containerBundle(['sleep', '1000'])
  const life = (before: string): string => `
    ${before} $T --root $R create -b ${bundle} --pid-file pid ${id} < /dev/null > /dev/null
    made=$($T --root $R state ${id} | sed -n 's/.*"created": "\\(.*\\)".*/\\1/p')
    echo $(( ($(date +%s) - $(date -d "$made" +%s)) / 5 )) \${#made}
    [ "$(cat pid)" = "$($T --root $R state ${id} | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')" ]; echo $?
    $T --root $R list -q; $T --root $R start ${id}; $T --root $R kill ${id} KILL; $T --root $R delete --force ${id}`
  // the monotonic clock is the machine's, and begins anew with each
  const uptime = Math.floor(os.uptime()) - 5
  const clocks = [
    '',
    'TZ=Asia/Tokyo',
    'unshare --time --fork --monotonic 100000000',
    `unshare --time --fork --monotonic -${uptime}`,
  ]
  for (const clock of clocks) t.equal(same(t, life(clock)).stdout, `0 30\n0\n${id}\n`, clock)
  t.end()
})

t.test('large documents', { skip }, t => {
  const bundle = containerBundle(['true'], config => {
    config.annotations = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key.${i}`, 'v'.repeat(90)]))
  })
  const each = `for i in 1 2 3; do $T --root $R`
  const script = `${each} create -b ${bundle} ${id}-$i </dev/null; done; $T --root $R list -q; $T --root $R list -f json | wc -l
    ${each} start ${id}-$i; done; ${each} delete --force ${id}-$i; done; ls $R`
  t.match(same(t, script).stdout, `${id}-1\n${id}-2\n${id}-3\n`)
  t.end()
})
