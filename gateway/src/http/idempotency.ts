import { Refusal } from '@quorate/shared/errors'
import type { Store, StoredReply } from '../store/store.ts'
import type { Reply } from './problem.ts'

const DAY = 86_400_000
/** Milliseconds that the reply of a session is kept: long enough to ask again, and its token outlives it. */
export const MINUTE = 60_000

export type Replies = Pick<Store, 'loadReply' | 'saveReply'>

/** One request under an Idempotency-Key: `scope` is the route with its ids, `digest` that of the body. */
export type Keyed = Readonly<{ scope: string; key: string; digest: string }>

export type Idempotency = (request: Keyed, act: () => Promise<Reply>) => Promise<Reply>

/**
 * Same key and body, same answer; throws `request.idempotency_conflict` for the same key with another body. Requests that
 * arrive together act once. A reply is kept before it is given; one that may become another by asking again is not kept.
 */
export function createIdempotency(replies: Replies, clock: () => number, keepMs = DAY): Idempotency {
  const underWay = new Map<string, { digest: string; reply: Promise<Reply> }>()

  async function actOnce({ scope, key, digest }: Keyed, act: () => Promise<Reply>): Promise<Reply> {
    const stored = await replies.loadReply(scope, key, clock())
    if (stored !== null) return { ...sameRequest(stored, digest), remember: true }
    const reply = await act()
    if (reply.remember)
      await replies.saveReply(scope, key, { digest, status: reply.status, body: reply.body }, clock() + keepMs)
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

/** Keeps replies in memory, for those that hold a token and have no place in a database. The oldest go first. */
export function memoryReplies(capacity = 10_000): Replies {
  const kept = new Map<string, { reply: StoredReply; expiresAt: number }>()
  return {
    loadReply(scope, key, now) {
      const entry = kept.get(`${scope} ${key}`)
      return Promise.resolve(entry !== undefined && entry.expiresAt > now ? entry.reply : null)
    },
    saveReply(scope, key, reply, expiresAt) {
      for (const oldest of kept.size >= capacity ? kept.keys() : []) {
        kept.delete(oldest)
        break
      }
      kept.set(`${scope} ${key}`, { reply, expiresAt })
      return Promise.resolve()
    },
  }
}
