import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireNode } from '@quorate/gateway/require-node'
import { summary } from './report.ts'
import { readSettings } from './settings.ts'
import { soak } from './soak.ts'
import { isClean } from './verdict.ts'

requireNode()

const say = (line: string) => void process.stdout.write(`${line}\n`)
// The fleet's processes end with this one, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

const settings = readSettings(process.env)
const folder = mkdtempSync(join(tmpdir(), 'quorate-soak-'))
try {
  const outcome = await soak(settings, { state: join(folder, 'state'), say })
  for (const line of summary(outcome)) say(line)
  if (isClean(outcome.verdict)) rmSync(folder, { recursive: true, force: true })
  else process.exitCode = 1
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : 'it failed')
  process.exitCode = 1
}
if (process.exitCode === 1) say(`logs and database: ${folder}`)
