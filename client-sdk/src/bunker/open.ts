import { factsOf } from '@quorate/shared/schemes/table'
import type { Context } from '../context.ts'
import { refuse } from '../errors.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import type { Member } from '../naming.ts'
import { Bunker } from './bunker.ts'
import type { BookTerms } from '@quorate/shared/wire/bunker'
import { give, holderOf, newGrant, type GrantHolder } from './grants.ts'
import type { BookName } from './known-books.ts'
import { ownBook } from './own-book.ts'
import { readState, requireAllHosts } from './state.ts'
import { readTerms, type Terms } from './terms.ts'

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/**
 * `relays`: where programs reach the bunker. `page`: the address of the pages that a program sends its user to, where the owner is to be asked;
 * the gateway's own when nothing is said. `strangers`: may programs without a secret ask to connect? They are refused when nothing is said.
 * `newest`: the own newest book, as `Bunker.newest` gave it to an earlier run of this program.
 */
export type BunkerOptions = Readonly<{
  relays: readonly string[]
  page?: string | null | undefined
  strangers?: 'ask' | 'refuse' | undefined
  grants?: readonly Readonly<{ to: GrantHolder; terms: Terms }>[] | undefined
  newest?: BookName | null | undefined
}>

/** Throws `bunker.scheme`, or `content.not_permitted` for a key that may not sign Nostr events. */
function requireNostr(key: Key): void {
  if (factsOf(key.scheme).verification !== 'bip340') refuse('bunker.scheme')
  const { content } = key.certificate.body.roster.skeleton.policy
  if (!content.includes('nostr-event')) refuse('content.not_permitted')
}

/**
 * Has the hosts of a key draw the key of a signer, and writes the own first book. Every host must say that it holds this signer: a gateway
 * cannot put another in its place. Where there is a bunker, it is that one, and the own book gets these relays. Throws `receipt.invalid`,
 * `enclave.unreachable` with whose hosts were not there, `bunker.scheme`, `content.not_permitted`.
 */
export async function createBunker(
  context: Context,
  key: Key,
  member: Member,
  { relays, page, strangers, grants = [], newest = null, signal }: BunkerOptions & Signal,
): Promise<Bunker> {
  requireNostr(key)
  context.known.requireCurrent(key)
  const { keyId } = key
  const given = grants.map(({ to, terms }) => newGrant(holderOf(to), readTerms(terms, context.now())))
  if (newest !== null) context.books.note(keyId, member.index, newest)
  const reader = await context.readerOf(keyId, sessionSecretOf(key))
  const status = await reader('createBunker', { params: { keyId }, body: {}, signal })
  requireAllHosts(key, await readState(key, status, context.books))
  const book = ownBook(context, key, member)
  const set = (terms: BookTerms): BookTerms => ({
    ...terms,
    relays: [...relays],
    page: page === undefined ? terms.page : page,
    strangers: strangers ?? terms.strangers,
  })
  await book.write((terms) => give(...given)(set(terms)), { signal })
  return new Bunker(context, key, member, await book.read({ signal }))
}

/** The bunker of a key. Who has no book there yet believes in its signer when every host says that it holds it. Throws `bunker.not_found`. */
export async function openBunker(
  context: Context,
  key: Key,
  member: Member,
  { newest = null, signal }: Signal & Readonly<{ newest?: BookName | null | undefined }>,
): Promise<Bunker> {
  if (newest !== null) context.books.note(key.keyId, member.index, newest)
  const state = await ownBook(context, key, member).read({ signal })
  if (!state.books.some(({ index }) => index === member.index)) requireAllHosts(key, state)
  return new Bunker(context, key, member, state)
}
