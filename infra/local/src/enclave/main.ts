import { runEnclave } from './run.ts'

await runEnclave(process.argv.slice(2))
