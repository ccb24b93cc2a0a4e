#!/usr/bin/env node
// Before anything else is loaded: an old Node would stumble over it and say nothing useful.
import { existsSync } from 'node:fs'

const major = Number(process.versions.node.split('.')[0])
const program = new URL('../dist/src/cli/main.js', import.meta.url)

if (major < 20) {
  process.stderr.write(`quorate needs Node.js 20 or later; this is ${process.versions.node}. See https://nodejs.org\n`)
  process.exitCode = 1
} else if (!existsSync(program)) {
  process.stderr.write('quorate has not been compiled yet: run `make build`\n')
  process.exitCode = 1
} else await import(program.href)
