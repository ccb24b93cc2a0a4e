import type { Fleet } from '@quorate/local/fleet/fleet'
import { disrupt } from './disrupt.ts'
import { planDisruptions } from './disruptions.ts'
import { createDraw } from './draw.ts'
import { changeKeys } from './key-changes.ts'
import { signMany } from './load.ts'
import type { Processes } from './processes.ts'
import type { World } from './world.ts'

type Parts = Readonly<{ fleet: Fleet; processes: Processes; say: (line: string) => void }>

/** How often each was done. */
export type Disrupted = Record<'kill' | 'freeze', number>

/** Signs while processes are killed and frozen. Resolves when everything that was acknowledged meanwhile has ended. */
export async function signUnderLoad(world: World, { fleet, processes, say }: Parts): Promise<Disrupted> {
  const { ledger, settings } = world
  const { seed, time, betweenKills, freeze, patience } = settings
  const began = performance.now()
  const broken = new AbortController()
  const end = AbortSignal.any([AbortSignal.timeout(time), broken.signal])
  const done: Disrupted = { kill: 0, freeze: 0 }
  const note = (what: keyof Disrupted, process: string) => {
    done[what] += 1
    const { entries, open } = ledger
    const at = ((performance.now() - began) / 1_000).toFixed(1).padStart(6)
    say(`${at} s  ${what.padEnd(6)}  ${process.padEnd(9)}  ${entries.length - open} ended, ${open} open`)
  }
  // What one part did not foresee ends the others too, and is a finding.
  const guarded = (part: string, work: Promise<void>) =>
    work.catch((error: unknown) => {
      ledger.fault(part, error)
      broken.abort()
    })
  const plan = planDisruptions(['gateway', ...fleet.enclaveIds], betweenKills, createDraw(seed, 'disruptions'))
  await Promise.all([
    guarded('kills', disrupt(plan, { fleet, processes, freeze, patience, end, note })),
    guarded('keygens and refreshes', changeKeys(world, createDraw(seed, 'key changes'), end)),
    guarded('signings', signMany(world, createDraw(seed, 'signings'), end)),
  ])
  return done
}
