// A sealed, executable file in memory: nobody can change it any more, and it has no name on any file system
// (CVE-2019-5736). memfd_create(2), fcntl(2) F_ADD_SEALS.
import { ERRNO } from '../abi/errno.ts'
import { F, O, SEAL } from '../abi/fcntl.ts'
import { MFD } from '../abi/memfd.ts'
import { FSCONFIG, FSMOUNT, FSOPEN } from '../abi/mount.ts'
import { SyscallError } from '../errors.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { fileCalls } from './libc-files.ts'
import { mountCalls } from './libc-mounts.ts'

const { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC } = MFD.bits
const { F_SEAL_EXEC, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE } = SEAL.bits
const SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
const EXECUTABLE = 0o555

/**
 * The bytes as a file that can be executed. Where the administrator forbids to execute memory files
 * (vm.memfd_noexec=2) it is a nameless file, open for reading only, on a tmpfs mounted nowhere.
 */
export function sealedMemfd(name: string, bytes: Uint8Array): Fd {
  const file = executableMemfd(name)
  if (file === undefined) return withoutMemfd(name, bytes)
  try {
    file.write(bytes)
    seal(file)
    return file
  } catch (error) {
    file.close()
    throw error
  }
}

function withoutMemfd(name: string, bytes: Uint8Array): Fd {
  try {
    return namelessFile(bytes)
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error
    throw new SyscallError({ syscall: 'memfd_create', args: [name, 'MFD_EXEC'], errno: ERRNO.EACCES[0], cause: error })
  }
}

function executableMemfd(name: string): Fd | undefined {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
  try {
    return Fd.adopt(fileCalls.memfdCreate(name, flags | MFD_EXEC))
  } catch (error) {
    if (isErrno(error, 'EACCES')) return undefined
    if (!isErrno(error, 'EINVAL')) throw error
  }
  return Fd.adopt(fileCalls.memfdCreate(name, flags)) // before 6.3 every memory file was executable
}

/** What a memory file holds now, it holds from now on, for whoever has it open for writing, too. */
export function sealContent(file: Fd): void {
  fileCalls.fcntl(file.number, F.values.F_ADD_SEALS, SEALS | F_SEAL_SEAL)
}

function seal(file: Fd): void {
  try {
    fileCalls.fcntl(file.number, F.values.F_ADD_SEALS, SEALS | F_SEAL_EXEC)
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    fileCalls.fcntl(file.number, F.values.F_ADD_SEALS, SEALS) // F_SEAL_EXEC came with 6.3
  }
  fileCalls.fcntl(file.number, F.values.F_ADD_SEALS, F_SEAL_SEAL)
}

/** A file in memory with this content, to be read and written by whoever is handed it. */
export function memoryFile(name: string, content = ''): Fd {
  const { MFD_NOEXEC_SEAL } = MFD.bits
  let file: Fd
  try {
    file = Fd.adopt(fileCalls.memfdCreate(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL))
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    file = Fd.adopt(fileCalls.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)) // before 6.3
  }
  if (content !== '') file.write(content)
  return file
}

/** Needs CAP_SYS_ADMIN. Writing is over once the only writable descriptor is closed: the copy is opened anew. */
export function namelessFile(bytes: Uint8Array): Fd {
  using files = privateTmpfs()
  using written = files.openAt('.', O.bits.O_TMPFILE | O.bits.O_RDWR | O.bits.O_EXCL, EXECUTABLE)
  written.write(bytes)
  return Fd.open(written.path, O.bits.O_RDONLY)
}

function privateTmpfs(): Fd {
  using context = Fd.adopt(mountCalls.fsopen('tmpfs', FSOPEN.bits.FSOPEN_CLOEXEC))
  mountCalls.fsconfig(context.number, FSCONFIG.values.FSCONFIG_SET_STRING, 'mode', '0700', 0)
  mountCalls.fsconfig(context.number, FSCONFIG.values.FSCONFIG_CMD_CREATE, null, null, 0)
  return Fd.adopt(mountCalls.fsmount(context.number, FSMOUNT.bits.FSMOUNT_CLOEXEC, 0n))
}
