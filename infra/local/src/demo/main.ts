import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireNode } from '@quorate/gateway/require-node'
import { FleetError } from '../fleet/events.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { openStage } from './stage.ts'
import { names } from './steps/make-key.ts'
import { paint } from '../paint.ts'

requireNode()
// It opens the gateway's database with what an old Node has not.
const { tour } = await import('./tour.ts')

const state = mkdtempSync(join(tmpdir(), 'quorate-demo-'))
const stage = openStage(process.stdout, names, ['enclave-0', 'enclave-1', 'enclave-2'])
const fleets: Fleet[] = []

async function leave(): Promise<void> {
  stage.close()
  for (const fleet of fleets) await fleet.stop()
  rmSync(state, { recursive: true, force: true })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void leave().finally(() => process.exit(130)))

process.stdout.write(`\n${paint.bold('Quorate')}: a key that is never in one place\n`)
process.stdout.write(paint.dim('A tour. Everything runs on this machine, and nothing of it stays.\n'))
try {
  process.exitCode = (await tour(stage, { state, opened: (fleet) => fleets.push(fleet) })) ? 0 : 1
} catch (error) {
  stage.close()
  const text = error instanceof FleetError ? error.message : error instanceof Error ? error.stack : 'unknown failure'
  process.stderr.write(`\n${paint.red('the tour ends here:')} ${text ?? ''}\n`)
  process.exitCode = 1
} finally {
  await leave()
}
