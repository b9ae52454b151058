// Where the packaged executable begins; the counterpart of bin/tsrunc.js.
import { main } from './main.ts'

process.exit(await main(process.argv.slice(2)))
