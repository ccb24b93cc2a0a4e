#!/usr/bin/env node
import { existsSync } from 'node:fs'

const program = new URL('../dist/src/cli/main.js', import.meta.url)
if (existsSync(program)) await import(program.href)
else {
  process.stderr.write('quorate-gateway has not been compiled yet: run `make build`\n')
  process.exitCode = 1
}
