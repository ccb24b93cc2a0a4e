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
}>

type Options<T> = Readonly<{
  clock: () => number
  alarm: Alarm
  /** `ms`: the longest that a session is kept, whatever its people wish. What they hold is not theirs to decide. */
  limits: Readonly<{ sessions: number; bytes: number; ms: number }>
  unknown: RefusalCode
  end: (session: T) => void
}>

type Entry<T> = { session: T; bytes: number; callOff: () => void }

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

function expire<T>(kept: Kept<T>, id: string, entry: Entry<T>, expiresAt: number): void {
  const left = expiresAt - kept.clock()
  if (left <= 0) remove(kept, id)
  else entry.callOff = kept.alarm(Math.min(left, LONGEST_TIMER), () => expire(kept, id, entry, expiresAt))
}

/** Lets finished sessions go, the oldest first, until there is room. */
function makeRoom<T>(kept: Kept<T>, bytes: number): void {
  const { entries, finished, limits } = kept
  const fits = () => entries.size < limits.sessions && kept.held + bytes <= limits.bytes
  for (const id of finished) {
    if (fits()) break
    remove(kept, id)
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
      const entry: Entry<T> = { session, bytes, callOff: () => undefined }
      entries.set(id, entry)
      kept.held += bytes
      expire(kept, id, entry, Math.min(expiresAt, clock() + limits.ms))
    },
    finish: (id) => {
      if (entries.has(id)) finished.add(id)
    },
  }
}
