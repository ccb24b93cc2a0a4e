// Where the command line of the operator begins. What it is made of is loaded after the Node that runs it has been checked.
import { requireNode } from '../require-node.ts'

requireNode()
const { run } = await import('./program.ts')
const { stdout, stderr, env } = process
process.exitCode = await run(process.argv.slice(2), {
  env,
  say: (line) => void stdout.write(`${line}\n`),
  complain: (line) => void stderr.write(`${line}\n`),
})
