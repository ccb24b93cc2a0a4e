import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { GrantId } from '@quorate/shared/wire/ids'
import type { Key } from '../key.ts'
import { boundTo, programOf } from './grants.ts'
import type { BunkerState } from './state.ts'

/*
 * A program that showed a `nostrconnect://` URI asks as soon as it is answered. So it is answered by the owner whose grant is the last one that
 * the key's threshold wants.
 */

/** Owners by whose books a program is let in now. `now` in ms. */
const ownersOf = (state: BunkerState, client: NostrKey, now: number): number =>
  state.books.filter(({ index, terms }) =>
    terms?.grants.some((grant) => {
      const bound = boundTo(state, grant.id)
      const isOpen = now < grant.expiresAt && bound?.ended !== true
      return isOpen && programOf({ index, grant, bound }) === client
    }),
  ).length

/** How many owners more have to let a program in. */
export const missingFor = ({ threshold }: Key, state: BunkerState, client: NostrKey, now: number): number =>
  Math.max(0, threshold - ownersOf(state, client, now))

/** Grants by which programs wait for an answer. */
const greetingsIn = ({ books }: BunkerState): Map<GrantId, NostrKey> =>
  new Map(
    books.flatMap(({ terms }) =>
      (terms?.grants ?? []).flatMap(({ id, holder }) =>
        holder.kind === 'client' && holder.greeting !== null ? [[id, holder.client] as const] : [],
      ),
    ),
  )

/** Whom a book has let in that waits for an answer, and by which grant it is answered: it has enough owners now, or shows another URI. */
export function toGreet(key: Key, before: BunkerState, after: BunkerState, now: number): Map<NostrKey, GrantId> {
  const known = greetingsIn(before)
  const due = [...greetingsIn(after)].filter(
    ([grant, client]) =>
      missingFor(key, after, client, now) === 0 && (!known.has(grant) || missingFor(key, before, client, now) > 0),
  )
  // Of several grants for one program, that of the URI which it showed last.
  const newest = [...due].sort(([one], [other]) => Number(known.has(other)) - Number(known.has(one)))
  return new Map(newest.map(([grant, client]) => [client, grant]))
}
