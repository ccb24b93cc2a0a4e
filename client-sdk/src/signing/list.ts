import type { SigningId } from '@quorate/shared/wire/ids'
import type { Context } from '../context.ts'
import { refuse } from '../errors.ts'
import { waitFor } from '../http/reader.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'

/** `wait` (ms): until there is one, 60 s at most. `after`: one that came later than this. */
type Asking = Readonly<{ wait: number; after?: SigningId | null; signal?: AbortSignal | undefined }>

/** Pages of one list at most: a gateway may have no end. */
const mostPages = 1_000

/**
 * The signings of a key that have not ended, page by page, as the gateway says. Returns which of them has come last. Throws
 * `reply.mismatch` for a list that does not go on, or does not end.
 */
export async function* openSignings(
  context: Context,
  key: Key,
  { wait, after, signal }: Asking,
): AsyncGenerator<SigningStatus, SigningId | null, undefined> {
  const { keyId } = key
  const reader = await context.readerOf(keyId, sessionSecretOf(key))
  const later = after == null ? {} : { after }
  const ask = (query: object) => reader('listSignings', { params: { keyId }, query: { ...query, ...later }, signal })
  const first = await ask(waitFor(wait))
  let page = first
  for (let pages = 1; ; pages += 1) {
    yield* page.signings
    const { next } = page
    // What comes while pages are read is later than what the first one calls the newest.
    if (next === null) return first.newest
    page = await ask({ cursor: next })
    if (pages === mostPages || (page.next !== null && page.next <= next)) refuse('reply.mismatch')
  }
}
