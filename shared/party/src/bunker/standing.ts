import type { OwnedKey } from '@quorate/shared/consent/permits'
import { askerOf, type Ground } from '@quorate/shared/consent/permits'
import { grantForAsker } from '@quorate/shared/bunker/owner-grants'
import type { Content } from '@quorate/shared/contents/table'
import type { RefusalCode } from '@quorate/shared/errors'
import { decide, type Decision } from '@quorate/shared/bunker/decide'
import type { Bunker } from '@quorate/shared/bunker/clients'
import type { HandOn } from '@quorate/shared/nostr/hand-on'
import { NostrKey } from '@quorate/shared/nostr/keys'
import type { Request } from '@quorate/shared/nostr/methods'
import type { RequestBody } from '@quorate/shared/wire/signing'
import type { Floors } from '../floors.ts'
import type { HeldKey } from '../vault.ts'
import type { ClientAsk } from './ask.ts'
import type { Bindings } from './bindings.ts'
import type { Books, OpenBook } from './books.ts'

/*
 * What the books of a key's owners say. An owner that has ever written a book is bound by it alone: the grant of the registration counts
 * no more.
 */

/** What an owner's book gives for an item, or why nothing. Null: this owner has written none that is known. */
export type Standing = Readonly<{ ground: Ground }> | Readonly<{ code: RefusalCode }> | null

type Ports = Readonly<{ books: Books; bindings: Bindings; floors: Floors }>

/** The key that programs sign as: x of the group key, hex. */
export const userOf = ({ certificate }: Pick<HeldKey, 'certificate'>): NostrKey => NostrKey.parse(certificate.groupKey)

/** A bunker as this owner's book has it. */
export const viewOf = ({ bindings }: Ports, key: HeldKey, { body, terms }: OpenBook): Bunker => ({
  signer: body.signer,
  user: userOf(key),
  terms,
  bound: bindings.of(key.lineage),
})

/** The books of a key that name this signer. */
export const booksWith = ({ books }: Pick<Ports, 'books'>, { lineage }: HeldKey, signer: NostrKey): OpenBook[] =>
  [...books.of(lineage).values()].filter(({ body }) => body.signer === signer)

/** Where they want programs to be, in their order. */
export const relaysOf = (ports: Pick<Ports, 'books'>, key: HeldKey, signer: NostrKey): string[] => [
  ...new Set(booksWith(ports, key, signer).flatMap(({ terms }) => terms.relays)),
]

type Asking = Readonly<{ signer: NostrKey; client: NostrKey; request: Request; handOn?: HandOn | null }>

/** What one owner's book says of a request. Null where this owner has none with this signer. `now` in ms. */
export function decisionOf(
  ports: Ports,
  key: HeldKey,
  { signer, client, request, handOn = null }: Asking,
  index: number,
  now: number,
): Decision | null {
  const book = ports.books.of(key.lineage).get(index)
  if (book?.body.signer !== signer) return null
  return decide({ bunker: viewOf(ports, key, book), client, request, handOn, now })
}

/** What each book with this signer says of it. */
export const decisionsOf = (ports: Ports, key: HeldKey, asking: Asking, now: number): Map<number, Decision> =>
  new Map(
    booksWith(ports, key, asking.signer).flatMap(({ body: { index } }) => {
      const decision = decisionOf(ports, key, asking, index, now)
      return decision === null ? [] : [[index, decision]]
    }),
  )

/** A book that is known to be, and is not here: nothing older counts in its place. */
function isMissing({ books, floors }: Ports, { lineage }: HeldKey, index: number): boolean {
  return !books.of(lineage).has(index) && floors.floorsOf(lineage).some((floor) => floor.index === index)
}

const grounded = (grant: Decision['grant']): Standing =>
  grant === null ? { code: 'consent.missing' } : { ground: { grant: grant.id, limits: grant.limits } }

/** May the share of this owner take part in what a program asks? */
export function standingOfClient(ports: Ports, key: HeldKey, ask: ClientAsk, index: number, now: number): Standing {
  if (isMissing(ports, key, index)) return { code: 'book.unproven' }
  const asked = { signer: ask.signer, client: ask.event.pubkey, request: ask.request }
  const decision = decisionOf(ports, key, asked, index, now)
  if (decision === null) return null
  return decision.does === 'allow' ? grounded(decision.grant) : { code: 'consent.missing' }
}

/** The same, of each item that a participant asks for. `contents`: null for an item that no host signs. */
export function standingOfAsker(
  ports: Ports,
  key: HeldKey,
  owned: OwnedKey,
  { request, contents }: Readonly<{ request: RequestBody; contents: () => readonly (Content | null)[] }>,
  index: number,
  now: number,
): readonly Standing[] {
  const each = (standing: Standing) => request.items.map(() => standing)
  if (isMissing(ports, key, index)) return each({ code: 'book.unproven' })
  const book = ports.books.of(key.lineage).get(index)
  if (book === undefined) return each(null)
  const asker = askerOf(owned, request)
  if (asker === null) return each({ code: 'consent.missing' })
  const { grants } = book.terms
  return contents().map((content) =>
    grounded(content === null ? null : grantForAsker(grants, { asker: asker.userId, content, now })),
  )
}
