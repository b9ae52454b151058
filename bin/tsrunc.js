#!/usr/bin/env node
// Starts the command line that `npm run setup` has built; nothing else.
const program = new URL('../dist/src/cli/main.js', import.meta.url)

const missing = error => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || error.url !== program.href) throw error
  process.stderr.write('tsrunc: not built yet: run "npm run setup" in its directory first\n')
  process.exit(1)
}

const { main } = await import(program.href).catch(missing)
process.exit(await main(process.argv.slice(2)))
