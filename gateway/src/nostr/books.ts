import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Book } from '@quorate/shared/wire/bunker'
import { oncePer } from '../engine/once-per.ts'
import { isAllowed, type AllowedRelays } from './allowed.ts'

/** By which hosts name a book. Worked out once for each that is in memory. */
export const digestOfBook = oncePer(({ body }: Book) => digestOf('book', body))

/** Which of two books of one owner counts, as hosts decide it. */
const isAbove = (one: Book, other: Book): boolean =>
  one.body.serial > other.body.serial ||
  (one.body.serial === other.body.serial && digestOfBook(one) > digestOfBook(other))

const isSame = (one: Book, other: Book): boolean =>
  one.signature === other.signature && digestOfBook(one) === digestOfBook(other)

/**
 * Checks a book that somebody has sent: its owner has signed it, for this bunker of this key. Throws `book.invalid`, and `relay.not_listed` for
 * a relay that this gateway does not connect to.
 */
export async function requireBook(
  { certificate }: VerifiedKey,
  signer: NostrKey,
  book: Book,
  allowed: AllowedRelays,
): Promise<void> {
  const { index, skeletonDigest, relays } = book.body
  const owner = certificate.roster.registrations[index - 1]?.body
  const isOwn = owner !== undefined && owner.skeletonDigest === skeletonDigest && book.body.signer === signer
  if (!isOwn || !(await verifyBody(owner.authKey, 'book', book))) throw new Refusal('book.invalid', [index])
  if (!relays.every((relay) => isAllowed(allowed, relay))) throw new Refusal('relay.not_listed')
}

/** Is the book news? Throws `book.stale` for one that a newer one has taken the place of. */
export function isNews(books: readonly Book[], book: Book): boolean {
  const known = books.find(({ body }) => body.index === book.body.index)
  if (known === undefined) return true
  if (isSame(known, book)) return false
  if (!isAbove(book, known)) throw new Refusal('book.stale', [book.body.index])
  return true
}
