import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from '@quorate/local/fleet/fleet'
import type { Disruption } from './disruptions.ts'
import type { Processes } from './processes.ts'

/** `freeze`, `patience`: ms. `note` is told of each kill and each freeze. */
type Parts = Readonly<{
  fleet: Fleet
  processes: Processes
  freeze: number
  patience: number
  end: AbortSignal
  note: (what: 'kill' | 'freeze', process: string) => void
}>

/**
 * Kills and freezes by this plan until it is told to end. Everything is ready again before the next kill, so that never more than one
 * process is down: of three hosts two are up at any time. Throws when something does not come back.
 */
export async function disrupt(plan: Iterable<Disruption>, parts: Parts): Promise<void> {
  const { fleet, processes, patience, end, note } = parts
  for (const { freeze, kill } of plan) {
    const began = performance.now()
    if (freeze !== null) {
      await pauseFor(freeze.after, end)
      if (end.aborted) return
      note('freeze', freeze.process)
      await freezeFor(parts, freeze.process)
    }
    await pauseFor(kill.after - (performance.now() - began), end)
    if (end.aborted) return
    await fleet.ready(patience)
    note('kill', kill.process)
    await processes.kill(fleet, kill.process, patience)
    await fleet.ready(patience)
  }
}

/** Stops a process for a while, and lets it go on whatever happens. */
async function freezeFor({ fleet, freeze, end }: Parts, process: string): Promise<void> {
  fleet.pause(process)
  try {
    await pauseFor(freeze, end)
  } finally {
    fleet.resume(process)
  }
}

const pauseFor = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined)
