// What cannot be had: the client is told why, and nothing is left.
import { type Case, message } from './case.ts'

/** An attempt that must fail, and how. */
const failing = (
  name: string,
  text: RegExp,
  flags: readonly string[],
  command: readonly string[],
  basic = false,
): Case => ({
  name,
  basic,
  expected: { status: 1, stdout: '', text },
  async run(client) {
    const ended = await client.run(flags, command)
    return { status: ended.status, stdout: ended.stdout, text: message(client, ended) }
  },
})

export const ERROR_CASES: readonly Case[] = [
  failing(
    'a program that is not in PATH',
    /exec: "nothing": executable file not found in \$PATH/,
    [],
    ['nothing'],
    true,
  ),
  failing('a program that is not there', /\/bin\/nothing.*no such file or directory/, [], ['/bin/nothing'], true),
  failing('a program that is none', /\/etc\/plain.*permission denied/, [], ['/etc/plain']),
  failing('a program that is a directory', /\/etc.*(is a directory|permission denied)/, [], ['/etc']),
  failing('a working directory that is a file', /not a directory/, ['--cwd', '/etc/passwd'], ['true']),
  failing(
    'a mount whose source is not there',
    /no such file or directory/,
    ['--mount', 'type=bind,src=/nothing,dst=/x,options=rbind'],
    ['true'],
  ),
  failing('a namespace that is not there', /\/nothing/, ['--with-ns', 'network:/nothing'], ['true']),
  {
    name: 'a failed container leaves its name free',
    basic: true,
    expected: { first: 1, second: 0 },
    async run(client) {
      const id = client.id()
      const first = await client.start(id, ['--rm'], ['nothing']).ended
      const second = await client.start(id, ['--rm'], ['true']).ended
      return { first: first.status, second: second.status, stderr: message(client, second) }
    },
  },
]
