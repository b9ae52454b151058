// --pid-file: digits and nothing else, under a temporary name first, so that whoever waits for the file never reads a
// part of it. It may replace a file that is there already: CRI-O makes an empty one.
import { basename, dirname, resolve } from 'node:path'
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { replaceFile } from '../host/tree.ts'

const MODE = 0o644

export function writePidFile(path: string, pid: number): void {
  using directory = Fd.open(dirname(resolve(path)), O.bits.O_PATH | O.bits.O_DIRECTORY)
  replaceFile(directory, basename(path), String(pid), MODE)
}
