// Where the packaged executable begins; the counterpart of bin/tsrunc.js.
import { main } from './main.ts'
import { becomeSnapshot, SNAPSHOT_VARIABLE } from './snapshot.ts'

const directory = process.env[SNAPSHOT_VARIABLE]
if (directory !== undefined) await becomeSnapshot(directory)
process.exit(await main(process.argv.slice(2)))
