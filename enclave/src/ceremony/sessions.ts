import { Refusal, type RefusalCode } from '@quorate/shared/errors'

/** Timers of Node hold 31 bits of milliseconds. */
const LONGEST_TIMER = 2_147_483_647

export type Sessions<T> = Readonly<{
  /** Throws the `unknown` refusal. */
  get: (id: string) => T
  find: (id: string) => T | undefined
  /** Keeps a session until it expires (ms since 1970). Throws `enclave.busy` when there are too many. */
  add: (id: string, session: T, expiresAt: number) => void
}>

type Options<T> = Readonly<{ clock: () => number; limit: number; unknown: RefusalCode; end: (session: T) => void }>

/** Sessions that end by themselves: each is wiped by `end` when its time is over. */
export function createSessions<T>({ clock, limit, unknown, end }: Options<T>): Sessions<T> {
  const sessions = new Map<string, T>()

  function expire(id: string, session: T, expiresAt: number): void {
    const left = expiresAt - clock()
    if (left <= 0) {
      sessions.delete(id)
      end(session)
    } else setTimeout(expire, Math.min(left, LONGEST_TIMER), id, session, expiresAt).unref()
  }

  return {
    get(id) {
      const session = sessions.get(id)
      if (session === undefined) throw new Refusal(unknown)
      return session
    },
    find: (id) => sessions.get(id),
    add(id, session, expiresAt) {
      if (sessions.size >= limit) throw new Refusal('enclave.busy')
      sessions.set(id, session)
      expire(id, session, expiresAt)
    },
  }
}

/** Runs what it is given one after the other. */
export type Turn = <T>(act: () => Promise<T>) => Promise<T>

export function createTurn(): Turn {
  let last: Promise<unknown> = Promise.resolve()
  return (act) => {
    const mine = last.then(act, act)
    last = mine
    return mine
  }
}
