import { Refusal } from '@quorate/shared/errors'
import { Holdings } from '@quorate/shared/holdings'
import type { Store, StoredReply } from '../store/store.ts'
import type { Reply } from './problem.ts'

/** Milliseconds that a reply is kept: whoever asks again does so sooner. */
const HOUR = 3_600_000
/** Of one address at once; then its oldest goes. */
const MOST_OF_ONE = 500
/** Milliseconds that the reply of a session is kept: long enough to ask again, and its token outlives it. */
export const MINUTE = 60_000

export type Replies = Pick<Store, 'loadReply' | 'saveReply'>

/**
 * One request under an Idempotency-Key: `scope` is the route with its ids, `digest` that of the body, `holder` whom bounds count its reply
 * for.
 */
export type Keyed = Readonly<{ scope: string; key: string; digest: string; holder: string }>

export type Idempotency = (request: Keyed, act: () => Promise<Reply>) => Promise<Reply>

/**
 * Same key and body, same answer; throws `request.idempotency_conflict` for the same key with another body. Requests that
 * arrive together act once. A reply is kept before it is given; one that may become another by asking again is not kept.
 */
export function createIdempotency(
  replies: Replies,
  clock: () => number,
  keepMs = HOUR,
  most = MOST_OF_ONE,
): Idempotency {
  const underWay = new Map<string, { digest: string; reply: Promise<Reply> }>()

  async function actOnce({ scope, key, digest, holder }: Keyed, act: () => Promise<Reply>): Promise<Reply> {
    const stored = await replies.loadReply(scope, key, clock())
    if (stored !== null) return { ...sameRequest(stored, digest), remember: true }
    const reply = await act()
    if (reply.remember) {
      const { status, body } = reply
      await replies.saveReply({ scope, key, holder, most }, { digest, status, body }, clock() + keepMs)
    }
    return reply
  }

  return async (request, act) => {
    const name = `${request.scope} ${request.key}`
    const before = underWay.get(name)
    if (before !== undefined) return await sameRequest(before, request.digest).reply
    const reply = actOnce(request, act).finally(() => underWay.delete(name))
    underWay.set(name, { digest: request.digest, reply })
    return await reply
  }
}

function sameRequest<T extends Pick<StoredReply, 'digest'>>(before: T, digest: string): T {
  if (before.digest !== digest) throw new Refusal('request.idempotency_conflict')
  return before
}

/** Keeps replies in memory, for those that hold a token and have no place in a database. The oldest of who holds most goes first. */
export function memoryReplies(capacity = 10_000): Replies {
  const kept = new Map<string, { reply: StoredReply; expiresAt: number }>()
  const held = new Holdings()
  const forgetOldest = (holder: string | null) => {
    const oldest = holder === null ? null : held.oldest(holder)
    if (oldest === null) return
    kept.delete(oldest)
    held.release(oldest)
  }
  return {
    loadReply(scope, key, now) {
      const entry = kept.get(`${scope} ${key}`)
      return Promise.resolve(entry !== undefined && entry.expiresAt > now ? entry.reply : null)
    },
    saveReply({ scope, key, holder, most }, reply, expiresAt) {
      const name = `${scope} ${key}`
      held.release(name)
      if (held.count(holder) >= most) forgetOldest(holder)
      else if (kept.size >= capacity && !kept.has(name)) forgetOldest(held.largest())
      held.take(holder, name)
      kept.set(name, { reply, expiresAt })
      return Promise.resolve()
    },
  }
}
