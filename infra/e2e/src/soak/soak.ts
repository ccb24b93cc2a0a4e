import { join } from 'node:path'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { operate } from '../operator.ts'
import { enclaveLog, nonceUse, remainsOf } from '../traces.ts'
import { checkRecovery } from './recovery.ts'
import { logFaults } from './log-faults.ts'
import { watchProcesses, type Processes } from './processes.ts'
import type { Outcome } from './report.ts'
import type { Settings } from './settings.ts'
import { signUnderLoad } from './under-load.ts'
import { judge } from './verdict.ts'
import { openWorld, type World } from './world.ts'

/** `state`: a folder for a fleet of its own. `say`: told what happens, a line each. */
export type Stage = Readonly<{ state: string; say: (line: string) => void }>

/** Runs a fleet of real processes, signs with it while they are killed and frozen, and says what it found. */
export async function soak(settings: Settings, { state, say }: Stage): Promise<Outcome> {
  const { seed, time, inFlight } = settings
  const processes = watchProcesses()
  const fleet = await startFleet({ port: 0, state, rateLimit: 10_000_000, onEvent: processes.onEvent })
  try {
    say(`seed ${seed}: ${inFlight} signings in flight for ${time / 1_000} s; logs in ${join(state, 'logs')}`)
    const world = await openWorld(fleet, settings)
    const before = processes.usage(fleet)
    const disrupted = await signUnderLoad(world, { fleet, processes, say })
    await checkRecovery(world, fleet)
    const after = processes.usage(fleet)
    await fleet.stop()
    const { entries, refused } = world.ledger
    return {
      seed,
      time,
      entries,
      refused,
      disrupted,
      usage: { before, after },
      ...(await inspect(world, fleet, processes)),
    }
  } finally {
    await fleet.stop()
  }
}

/** Looks at what a stopped fleet has left: its database, its audit chain, its logs. */
async function inspect(
  { ledger, settings }: World,
  fleet: Fleet,
  processes: Processes,
): Promise<Pick<Outcome, 'nonces' | 'audit' | 'verdict'>> {
  const audit = await operate(fleet.database, 'verify-audit')
  if (audit.code !== 0) ledger.wrong.push(`verify-audit ended with ${audit.code}: ${audit.said}`)
  const remains = await remainsOf(fleet).catch((error: unknown) => ledger.fault('the database', error))
  const nonces = nonceUse(enclaveLog(fleet))
  const faults = [...ledger.wrong, ...nonces.faults, ...processes.faults, ...logFaults(fleet.state)]
  const evidence = { entries: ledger.entries, refused: ledger.refused, open: remains?.open ?? [], faults }
  return { nonces, audit: audit.said.trim(), verdict: judge(evidence, settings) }
}
