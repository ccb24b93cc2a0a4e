#!/usr/bin/env node
// First of all, and without any import: an old Node would stumble over what comes next and say nothing useful.
const major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  process.stderr.write(`quorate needs Node.js 20 or later; this is ${process.versions.node}. See https://nodejs.org\n`)
  process.exit(1)
}

const { run } = await import('./program.ts')
const interrupted = new AbortController()
process.once('SIGINT', () => {
  interrupted.abort()
  process.exitCode = 130
})
const { stdin, stdout, stderr, env } = process
const interactive = stdin.isTTY && stderr.isTTY
const code = await run(process.argv.slice(2), { stdin, stdout, stderr, env, interactive, signal: interrupted.signal })
process.exitCode ??= code

export {}
