// Signal numbers; the same on x86_64 and aarch64. Source: include/uapi/asm-generic/signal.h (v6.12); signal(7).

/** name → number; of several names of one number the usual one comes first. */
export const SIG = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGIOT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPOLL: 29,
  SIGPWR: 30,
  SIGSYS: 31,
  SIGRTMIN: 34, // as libc counts: the kernel's 32 and 33 belong to its threads
  SIGRTMAX: 64,
} as const satisfies Record<`SIG${string}`, number>

export type SignalName = keyof typeof SIG

/** 15 → "SIGTERM", 36 → "SIGRTMIN+2"; undefined for what is no signal. */
export function signalName(number: number): string | undefined {
  const known = Object.entries(SIG).find(([, value]) => value === number)?.[0]
  if (known !== undefined) return known
  return number > SIG.SIGRTMIN && number < SIG.SIGRTMAX ? `SIGRTMIN+${number - SIG.SIGRTMIN}` : undefined
}

/** "15", "TERM", "sigterm", "RTMIN+2", "SIGRTMAX-1" → the number; undefined when it names no signal from 1 to 64. */
export function signalNumber(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) return inRange(Number(text))
  const upper = text.toUpperCase()
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`
  if (Object.hasOwn(SIG, full)) return SIG[full as SignalName] // just seen to be a key
  const realtime = /^SIGRT(?:MIN\+|MAX-)(\d{1,2})$/.exec(full)
  if (realtime === null) return undefined
  const distance = Number(realtime[1])
  const number = full.startsWith('SIGRTMIN') ? SIG.SIGRTMIN + distance : SIG.SIGRTMAX - distance
  return number >= SIG.SIGRTMIN ? inRange(number) : undefined
}

const inRange = (number: number): number | undefined => (number >= 1 && number <= 64 ? number : undefined)

/** glibc keeps these for its threads, and lets nobody handle them: signal(7). */
export const LIBC_SIGNALS: readonly number[] = [32, 33]
