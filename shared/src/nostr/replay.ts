import { z } from 'zod'
import { Digest } from '../wire/ids.ts'

/** Seconds since 1970, as events are dated. */
const Seconds = z.int().min(0)

/**
 * Which of a client's events the signer has taken: date and id of each, the oldest first. `floor`: nobody remembers what was dated
 * then or before, so that none of it is taken any more.
 */
export const Memory = z.strictObject({ floor: z.int().min(-1), seen: z.array(z.tuple([Seconds, Digest])).readonly() })
export type Memory = Readonly<z.infer<typeof Memory>>

/** The part of an event that says whether it may be new. `createdAt` in seconds. */
export type Arrival = Readonly<{ id: Digest; createdAt: number }>

/** By how much the date of an event may differ from the signer's clock. Seconds. */
export const oldestArrival = 600
export const newestArrival = 120

/** What is remembered of one client. */
const MOST_SEEN = 4_096

export const blank: Memory = { floor: -1, seen: [] }

/** Nothing that is dated before an event counts which began something: who kept it back might bring it now. */
export const since = ({ floor, seen }: Memory, { createdAt }: Arrival): Memory => ({
  floor: Math.max(floor, createdAt - 1),
  seen,
})

/** Why an event is not taken for new, null for one that is. `now` in ms. */
export type Staleness = Readonly<{ rule: 'too_old' | 'dated_ahead' | 'forgotten' | 'repeated'; observed: string }>

export function stalenessOf(memory: Memory, { id, createdAt }: Arrival, now: number): Staleness | null {
  const behind = now / 1_000 - createdAt
  if (memory.seen.some(([date, one]) => date === createdAt && one === id)) return { rule: 'repeated', observed: id }
  if (behind > oldestArrival) return { rule: 'too_old', observed: `${Math.round(behind)} s old` }
  if (behind < -newestArrival) return { rule: 'dated_ahead', observed: `${Math.round(-behind)} s ahead` }
  if (createdAt <= memory.floor) return { rule: 'forgotten', observed: `${createdAt}, not after ${memory.floor}` }
  return null
}

/** Forgets the oldest so far that `most` remain. */
export function trim(memory: Memory, most: number): Memory {
  const dropped = memory.seen.slice(0, Math.max(0, memory.seen.length - most))
  const last = dropped.at(-1)
  if (last === undefined) return memory
  return { floor: Math.max(memory.floor, last[0]), seen: memory.seen.slice(dropped.length) }
}

/** Remembers an event that was not stale. What is too old to be taken again is forgotten. `now` in ms. */
export function remember(memory: Memory, { id, createdAt }: Arrival, now: number): Memory {
  const after = memory.seen.findLastIndex(([date]) => date <= createdAt) + 1
  const seen = memory.seen.toSpliced(after, 0, [createdAt, id])
  const current = seen.filter(([date]) => now / 1_000 - date <= oldestArrival).length
  return trim({ floor: memory.floor, seen }, Math.min(current, MOST_SEEN))
}
