// Help texts, laid out by yargs from the option tables. Loaded for --help only: yargs costs more start time than all
// the rest of the command line.
import yargs from 'yargs'
import type { OptionTable } from './arguments.ts'
import type { Command } from './command.ts'
import { COMMANDS, loadCommand } from './commands.ts'
import { GLOBAL, HELP } from './options.ts'

const WIDTH = 100

function withOptions(table: OptionTable) {
  const parser = yargs([]).scriptName('tsrunc').locale('en').help(false).version(false).wrap(WIDTH)
  for (const [name, option] of Object.entries(table)) {
    parser.option(name, {
      describe: option.about,
      hidden: option.hidden ?? false,
      ...(option.short === undefined ? {} : { alias: option.short }),
      ...(option.choices === undefined ? {} : { choices: option.choices }),
      type: option.type === 'list' ? 'array' : option.type,
    })
  }
  return parser
}

export async function commandHelp(command: Command): Promise<string> {
  const usage = `Usage: tsrunc [global options] ${command.name} [options] ${command.usage}`.trimEnd()
  const parser = withOptions({ ...command.options, ...HELP }).usage(`${usage}\n\n${capitalised(command.about)}.`)
  return parser.getHelp()
}

export async function globalHelp(): Promise<string> {
  const commands = await Promise.all(Object.keys(COMMANDS).map(loadCommand))
  const later = commands.filter(command => command.notImplemented).map(command => command.name)
  const parser = withOptions(GLOBAL)
    .usage('Usage: tsrunc [global options] <command> [options] [operands]\n\nAn OCI container runtime for Linux.')
    .epilogue(`Not implemented yet: ${later.join(', ')}.\n"tsrunc <command> --help" tells more about a command.`)
  for (const { name, about, notImplemented } of commands) if (!notImplemented) parser.command(name, about)
  return parser.getHelp()
}

/** Every text that --help prints, by command; "" is the program's own. */
export async function helpTexts(): Promise<Record<string, string>> {
  const texts: [string, string][] = [['', await globalHelp()]]
  for (const name of Object.keys(COMMANDS)) texts.push([name, await commandHelp(await loadCommand(name))])
  return Object.fromEntries(texts)
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
