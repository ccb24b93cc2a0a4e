import { runKms } from './run.ts'

await runKms(process.argv[2] ?? '{}')
