import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Alarm } from './ports.ts'

/** Timers hold 31 bits of milliseconds. */
const LONGEST_TIMER = 2_147_483_647

/** What a session costs: until when it is wanted (ms since 1970), and about how many bytes it holds. */
type Cost = Readonly<{ expiresAt: number; bytes: number }>

export type Sessions<T> = Readonly<{
  /** Throws the `unknown` refusal. */
  get: (id: string) => T
  find: (id: string) => T | undefined
  /** Keeps a session until it expires, or for as long as any is kept. Throws `enclave.busy` when there is no room. */
  add: (id: string, session: T, cost: Cost) => void
  /** The session has done its work. It still answers, until another needs its room. */
  finish: (id: string) => void
  /** The session is kept until then (ms since 1970), and no longer than any. */
  extend: (id: string, expiresAt: number) => void
}>

type Options<T> = Readonly<{
  clock: () => number
  alarm: Alarm
  /** `ms`: the longest that a session is kept, whatever its people wish. What they hold is not theirs to decide. */
  limits: Readonly<{ sessions: number; bytes: number; ms: number }>
  unknown: RefusalCode
  /**
   * When there is no room: how soon this session may go for another, whose keeper can bring it back. 0 goes first; null never goes. By
   * default null.
   */
  yields?: (session: T) => number | null
  end: (session: T) => void
}>

type Entry<T> = { session: T; bytes: number; until: number; callOff: () => void }

/** The sessions that are kept: `finished` the oldest first, `held` in bytes. */
type Kept<T> = Options<T> & { entries: Map<string, Entry<T>>; finished: Set<string>; held: number }

function remove<T>(kept: Kept<T>, id: string): void {
  const entry = kept.entries.get(id)
  if (entry === undefined) return
  entry.callOff()
  kept.entries.delete(id)
  kept.finished.delete(id)
  kept.held -= entry.bytes
  kept.end(entry.session)
}

function expire<T>(kept: Kept<T>, id: string, entry: Entry<T>): void {
  const left = entry.until - kept.clock()
  if (left <= 0) remove(kept, id)
  else entry.callOff = kept.alarm(Math.min(left, LONGEST_TIMER), () => expire(kept, id, entry))
}

/** Those that may go for others, who goes first in front; of those that are alike, the oldest. */
function yielding<T>({ entries, yields = () => null }: Kept<T>): string[] {
  const ranked = [...entries].flatMap(([id, { session }]) => {
    const rank = yields(session)
    return rank === null ? [] : [{ id, rank }]
  })
  return ranked.sort((a, b) => a.rank - b.rank).map(({ id }) => id)
}

/** Lets finished sessions go, the oldest first, and then those that yield, until there is room. */
function makeRoom<T>(kept: Kept<T>, bytes: number): void {
  const { entries, finished, limits } = kept
  const fits = () => entries.size < limits.sessions && kept.held + bytes <= limits.bytes
  for (const id of finished) {
    if (fits()) return
    remove(kept, id)
  }
  // A session that fits in no room takes nobody's.
  for (const id of fits() || bytes > limits.bytes ? [] : yielding(kept)) {
    remove(kept, id)
    if (fits()) break
  }
  if (!fits()) throw new Refusal('enclave.busy')
}

/** Sessions that end by themselves: each is wiped by `end` when its time is over, or when its room is needed. */
export function createSessions<T>(options: Options<T>): Sessions<T> {
  const kept: Kept<T> = { ...options, entries: new Map(), finished: new Set(), held: 0 }
  const { entries, finished, clock, limits, unknown } = kept
  return {
    get(id) {
      const entry = entries.get(id)
      if (entry === undefined) throw new Refusal(unknown)
      return entry.session
    },
    find: (id) => entries.get(id)?.session,
    add(id, session, { expiresAt, bytes }) {
      makeRoom(kept, bytes)
      const until = Math.min(expiresAt, clock() + limits.ms)
      const entry: Entry<T> = { session, bytes, until, callOff: () => undefined }
      entries.set(id, entry)
      kept.held += bytes
      expire(kept, id, entry)
    },
    extend(id, expiresAt) {
      const entry = entries.get(id)
      if (entry === undefined) return
      entry.callOff()
      entry.until = Math.min(expiresAt, clock() + limits.ms)
      expire(kept, id, entry)
    },
    finish: (id) => {
      if (entries.has(id)) finished.add(id)
    },
  }
}
