import { run } from './program.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => {
  interrupted.abort()
  process.exitCode = 130
})
const { stdin, stdout, stderr, env } = process
const interactive = stdin.isTTY && stderr.isTTY
const code = await run(process.argv.slice(2), { stdin, stdout, stderr, env, interactive, signal: interrupted.signal })
process.exitCode ??= code
