// What the host says of a process: the files of /proc/PID, by the names of their fields. proc(5).
import { readFileSync } from 'node:fs'

/** "Name:\tvalue" → value, of /proc/PID/status. */
export function statusOf(pid: number | 'self'): Readonly<Record<string, string>> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n')
  return Object.fromEntries(lines.map(line => line.split(':\t') as [string, string]))
}

/** A field of /proc/PID/stat by its number in proc_pid_stat(5), from 3 on. */
export function statField(pid: number, number: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[number - 3] ?? ''
}

/** Of a process, by name: "Max open files" → "10 20". */
export function limitsOf(text: string): Readonly<Record<string, string>> {
  const rows = text.matchAll(/^(Max [a-z -]+?) {2,}(\w+) +(\w+)/gm)
  return Object.fromEntries([...rows].map(([, name = '', soft, hard]) => [name, `${soft} ${hard}`]))
}

export const holds = (mask: string | undefined, capability: number): boolean =>
  ((BigInt(`0x${mask ?? 0}`) >> BigInt(capability)) & 1n) === 1n
