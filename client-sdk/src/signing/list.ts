import type { SigningId } from '@quorate/shared/wire/ids'
import type { Context } from '../context.ts'
import { refuse } from '../errors.ts'
import { waitFor } from '../http/reader.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import type { SigningStatus } from './verify.ts'

type Asking = Readonly<{ wait: number; signal?: AbortSignal | undefined }>

/** Pages of one list at most: a gateway may have no end. */
const mostPages = 1_000

/**
 * The signings of a key that have not ended, page by page, as the gateway says. `wait` (ms): until there is one, 60 s at most. Throws
 * `reply.mismatch` for a list that does not go on, or does not end.
 */
export async function* openSignings(
  context: Context,
  key: Key,
  { wait, signal }: Asking,
): AsyncGenerator<SigningStatus, void, undefined> {
  const { keyId } = key
  const reader = await context.readerOf(keyId, sessionSecretOf(key))
  let cursor: SigningId | undefined
  for (let page = 1; ; page += 1) {
    const first = waitFor(wait)
    const query = cursor === undefined ? first : { cursor }
    const { signings, next } = await reader('listSignings', { params: { keyId }, query, signal })
    yield* signings
    if (next === null) return
    if (page === mostPages || (cursor !== undefined && next <= cursor)) refuse('reply.mismatch')
    cursor = next
  }
}
