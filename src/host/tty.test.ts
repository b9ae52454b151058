import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { INPUT_MODE, LOCAL_MODE, OUTPUT_MODE, TTY, termios } from '../abi/tty.ts'
import { Fd } from './fd.ts'
import { terminalCalls } from './libc-terminals.ts'
import { openDescriptors, thrown } from './testing.ts'
import { isTerminal, makeRaw, ptyName, restoreTerminal, setWindowSize, unlockPty, windowSize } from './tty.ts'

const { O_NOCTTY, O_RDONLY, O_RDWR } = O.bits

function pty(): { master: Fd; slave: Fd } {
  const master = Fd.open('/dev/ptmx', O_RDWR | O_NOCTTY)
  unlockPty(master)
  return { master, slave: Fd.open(ptyName(master), O_RDWR | O_NOCTTY) }
}

function settings(terminal: Fd): Record<string, bigint> {
  const bytes = new Uint8Array(termios.size)
  terminalCalls.ioctl(terminal.number, TTY.values.TCGETS, bytes)
  return termios.decode(bytes)
}

t.test('a pty has a name and a size', t => {
  const before = openDescriptors()
  const { master, slave } = pty()
  t.match(ptyName(master), /^\/dev\/pts\/\d+$/)
  t.equal(slave.link(), ptyName(master))
  setWindowSize(master, { rows: 33, columns: 101 })
  t.same(windowSize(slave), { rows: 33, columns: 101 })
  master.close()
  slave.close()
  t.equal(openDescriptors(), before)
  t.end()
})

t.test('raw mode passes bytes unchanged and can be undone', t => {
  const { master, slave } = pty()
  const old = settings(slave)
  slave.write('a\nb')
  const cooked = new Uint8Array(16)
  t.equal(Buffer.from(cooked.subarray(0, master.read(cooked))).toString(), 'a\r\nb')

  const saved = makeRaw(slave)
  const raw = settings(slave)
  t.equal((raw.c_lflag ?? 0n) & (LOCAL_MODE.bits.ECHO | LOCAL_MODE.bits.ICANON | LOCAL_MODE.bits.ISIG), 0n)
  t.equal((raw.c_iflag ?? 0n) & INPUT_MODE.bits.ICRNL, 0n)
  t.equal((raw.c_oflag ?? 0n) & OUTPUT_MODE.bits.OPOST, 0n)
  slave.write('a\nb')
  t.equal(Buffer.from(cooked.subarray(0, master.read(cooked))).toString(), 'a\nb')
  master.write('\x03\r')
  t.same([...cooked.subarray(0, slave.read(cooked))], [3, 13])

  restoreTerminal(slave, saved)
  t.same(settings(slave), old)
  master.close()
  restoreTerminal(slave, saved) // hung up: nothing to restore, no error
  slave.close()
  t.end()
})

t.test('what is a terminal', t => {
  using file = Fd.open('/dev/null', O_RDONLY)
  using master = Fd.open('/dev/ptmx', O_RDWR | O_NOCTTY)
  t.equal(isTerminal(file), false)
  t.equal(isTerminal(master), true)
  t.equal(isTerminal(123456), false)
  t.match(
    thrown(() => windowSize(file)).message,
    /^ioctl\(\d+<\/dev\/null>, TIOCGWINSZ, .*\): inappropriate ioctl for device$/,
  )
  t.end()
})
