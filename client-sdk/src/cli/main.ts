import { run } from './program.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => {
  interrupted.abort()
  process.exitCode = 130
})
const { stdin, stdout, stderr, env } = process
// Whoever reads has seen enough, as in `quorate --help | head -1`.
stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
const interactive = stdin.isTTY && stderr.isTTY
const code = await run(process.argv.slice(2), { stdin, stdout, stderr, env, interactive, signal: interrupted.signal })
// Once all is printed: a call that nobody waits for any more would keep the process for seconds.
stdout.write('', () => stderr.write('', () => process.exit(process.exitCode ?? code)))
