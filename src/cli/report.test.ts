import t from 'tap'
import { HookError, InitError, SpecError, StateError, SyscallError, UnsupportedError, UsageError } from '../errors.ts'
import { jsonRecord, textRecord, textReport } from './report.ts'

const NOW = new Date('2026-11-20T23:19:00.123Z')
const create = { command: 'create', startsProcess: true }

const noSpace = new SyscallError({
  syscall: 'mount',
  args: ['"tmpfs"', '"/dev/shm"', '"tmpfs"', 'MS_NOSUID|MS_NODEV', '"size=64m"'],
  errno: 28,
  origin: { pointer: '/mounts/3', intent: 'mount tmpfs on /dev/shm' },
  op: 41,
  hint: 'raise fs.mount-max',
})

t.test('an error of init, for people', async t => {
  t.equal(
    textReport(noSpace, create),
    'tsrunc create failed: unable to start container process: mount tmpfs on /dev/shm: ' +
      'mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID|MS_NODEV, "size=64m"): no space left on device\n' +
      '  at config.json#/mounts/3 (op 41)\n' +
      '  hint: raise fs.mount-max\n',
  )
})

t.test('what steers a terminal is printed in words', async t => {
  const error = new HookError('output: \u001b]0;title\u0007 tab\there\r\u009b31m\nsecond line', {
    where: '/hooks/prestart/0',
  })
  t.match(textReport(error, create), 'output: \\x1b]0;title\\x07 tab\there\\x0d\\x9b31m\nsecond line\n')
})

t.test('the first line has the shape of runc', async t => {
  const first = (error: Error, scene: object) => textReport(error, scene).split('\n')[0]
  const missing = new InitError('exec: "x": executable file not found in $PATH', { where: '/process/args/0' })
  t.equal(
    first(missing, create),
    'tsrunc create failed: unable to start container process: exec: "x": executable file not found in $PATH',
  )
  t.equal(first(missing, { command: 'start' }), 'tsrunc: exec: "x": executable file not found in $PATH')
  t.equal(
    first(new StateError('container with given ID already exists'), create),
    'tsrunc create failed: container with given ID already exists',
  )
  t.equal(
    first(new StateError('container does not exist', { where: 'id' }), { command: 'state' }),
    'tsrunc: container does not exist',
  )
  t.equal(first(new UsageError('flag needs an argument: --bundle'), create), 'tsrunc: flag needs an argument: --bundle')
})

t.test('where: a place in config.json, or a path', async t => {
  t.match(
    textReport(new HookError('hook failed', { where: '/hooks/poststart/0' }), {}),
    '  at config.json#/hooks/poststart/0\n',
  )
  t.match(textReport(new StateError('cannot open', { where: '/run/x' }), {}), '  at /run/x\n')
  const device = new StateError('no such device', { where: '/linux/netDevices/a', isInConfig: true })
  t.match(textReport(device, {}), '  at config.json#/linux/netDevices/a\n')
  const addon = new UnsupportedError('cannot be loaded', { where: '/usr/lib/a', isInConfig: false })
  t.match(textReport(addon, {}), '  at /usr/lib/a\n')
  t.notMatch(textReport(new StateError('container does not exist', { where: 'id' }), {}), '  at')
})

t.test('all problems of a config, and what went wrong while cleaning up', async t => {
  const error = new SpecError('config.json is not valid', [
    { pointer: '/process/cwd', message: 'must be absolute' },
    { pointer: '/root', message: 'must be specified', hint: 'add it' },
  ])
  error.undoErrors.push(new Error('rmdir: busy'))
  t.equal(
    textReport(error, create),
    'tsrunc create failed: config.json is not valid: /process/cwd: must be absolute (and 1 more)\n' +
      '  at config.json#/process/cwd\n' +
      '  also /root: must be specified (add it)\n' +
      '  while cleaning up: rmdir: busy\n',
  )
})

t.test('one record of JSON', async t => {
  const record = jsonRecord(noSpace, create, NOW)
  t.ok(record.endsWith('}\n'))
  t.equal(record.split('\n').length, 2, 'one line')
  t.ok(record.startsWith('{"level":"error","msg":"tsrunc create failed: '))
  t.match(JSON.parse(record), {
    level: 'error',
    time: '2026-11-20T23:19:00Z',
    command: 'create',
    code: 'TSRUNC_SYSCALL',
    where: '/mounts/3',
    op: 41,
    syscall: 'mount',
    args: noSpace.args,
    errno: 28,
    errnoName: 'ENOSPC',
    hint: 'raise fs.mount-max',
  })
  t.notOk('stack' in JSON.parse(record))
  t.ok('stack' in JSON.parse(jsonRecord(noSpace, { ...create, debug: true }, NOW)), '--debug adds the stack')
})

t.test('one record of text', async t => {
  t.equal(
    textRecord(new StateError('a "quoted"\nmessage', { hint: 'two words' }), { command: 'kill' }, NOW),
    'time=2026-11-20T23:19:00Z level=error msg="a \\"quoted\\"\\nmessage" command=kill code=TSRUNC_STATE hint="two words"\n',
  )
})

t.test('what is not ours is a bug and shows its stack', async t => {
  const bug = new TypeError('x is undefined')
  t.match(
    textReport(bug, create),
    /^tsrunc: internal error: x is undefined\n {2}TypeError: x is undefined\n {2}at .*report/,
  )
  t.match(JSON.parse(jsonRecord(bug, create, NOW)), { code: 'TSRUNC_INTERNAL', stack: /report/ })
  t.equal(textReport('thrown text', {}), 'tsrunc: internal error: thrown text\n')
  t.equal(JSON.parse(jsonRecord(10n, {}, NOW)).msg, 'internal error: 10')
})
