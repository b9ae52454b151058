// Users of this host by their names, from /etc/passwd: passwd(5). Needs so little that `list` can afford it.
import { readFileSync } from 'node:fs'

interface Entry {
  readonly name: string
  readonly home: string
}

/** The first line of a passwd(5) file that is about the user. */
export function entryOf(text: string, uid: number): Entry | undefined {
  for (const line of text.split('\n')) {
    const [name = '', , id, , , home = ''] = line.split(':')
    if (id === String(uid)) return { name, home }
  }
  return undefined
}

/** "root", or "#1234" when this host has no name for the user. */
export function userName(uid: number): string {
  try {
    return entryOf(readFileSync('/etc/passwd', 'utf8'), uid)?.name || `#${uid}`
  } catch {
    return `#${uid}`
  }
}

/** userName, which looks each user up once. */
export function userNames(): (uid: number) => string {
  const known = new Map<number, string>()
  return uid => {
    const name = known.get(uid) ?? userName(uid)
    known.set(uid, name)
    return name
  }
}
