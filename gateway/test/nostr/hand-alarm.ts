import { noticed } from '../../../shared/test/noticing.js'
import type { Alarm } from '../../src/nostr/relays/alarm.ts'

type Waiting = { ms: number; ring: () => void }

/** An alarm that rings when a test says so. */
export function createHandAlarm() {
  const set = new Set<Waiting>()
  const alarm: Alarm = (ms, ring) => {
    const one = { ms, ring }
    set.add(one)
    noticed()
    return () => void set.delete(one)
  }
  return {
    alarm,
    /** How long what is set waits, the shortest first. */
    waits: (): number[] => [...set].map(({ ms }) => ms).sort((one, other) => one - other),
    /** Rings all that wait for so long, and no others. */
    ring(least: number, most = least): void {
      for (const one of [...set].filter(({ ms }) => ms >= least && ms <= most)) {
        set.delete(one)
        one.ring()
      }
    },
  }
}
