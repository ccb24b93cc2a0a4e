import { openBook } from '@quorate/shared/crypto/bunker-secrets'
import { Refusal } from '@quorate/shared/errors'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { saidBy, verifyBook } from '@quorate/shared/verify/bunker'
import type { Binding, Book, BookTerms, BunkerReceipt } from '@quorate/shared/wire/bunker'
import type { Digest, SignKey } from '@quorate/shared/wire/ids'
import type { BunkerStatus } from '@quorate/shared/wire/routes/bunker'
import { refuse } from '../errors.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import type { KnownBooks } from './known-books.ts'

/** An owner's book. `terms`: null when they do not open, which is that owner's doing. */
export type ReadBook = Readonly<{ index: number; body: Book['body']; digest: Digest; terms: BookTerms | null }>

/** A bunker as a gateway shows it, with all of it that can be verified, verified. */
export type BunkerState = Readonly<{
  signer: NostrKey
  /** Ascending by owner. */
  books: readonly ReadBook[]
  bindings: readonly Binding[]
  /** By V: what each host holds, of those that could be asked. */
  receipts: ReadonlyMap<SignKey, BunkerReceipt>
  relays: BunkerStatus['relays']
}>

/** The indices of the participants whose host this is. */
export const sharesOf = ({ certificate }: Key, host: string): number[] =>
  certificate.body.roster.skeleton.participants.flatMap((one) =>
    one.host.identity.signKey === host ? [one.index] : [],
  )

/** The word of each host, under its own V, on this signer. Throws `receipt.invalid` with whose hosts' receipts are not. */
async function readReceipts(key: Key, { signer, hosts }: BunkerStatus): Promise<Map<SignKey, BunkerReceipt>> {
  const read = new Map<SignKey, BunkerReceipt>()
  for (const { host, receipt } of hosts) {
    if (receipt === null) continue
    const speaker = await saidBy(verifiedKey(key), 'bunker-receipt', receipt, { likely: host })
    if (speaker !== host || receipt.body.signer !== signer) refuse('receipt.invalid', sharesOf(key, host))
    read.set(host, receipt)
  }
  return read
}

/** Throws `book.invalid` for what its owner did not sign, or what is not of this signer. */
async function readBook(key: Key, signer: NostrKey, book: Book): Promise<ReadBook> {
  const { body } = book
  const digest = await verifyBook(verifiedKey(key), book)
  if (body.signer !== signer) return refuse('book.invalid', [body.index])
  return { index: body.index, body, digest, terms: termsOf(key, body) }
}

function termsOf(key: Key, body: Book['body']): BookTerms | null {
  try {
    return openBook(sessionSecretOf(key), body)
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

const isSeen = async (key: Key, word: Binding, { words }: KnownBooks): Promise<boolean> =>
  (await saidBy(verifiedKey(key), 'binding', word, { words })) !== null

/**
 * Verifies what a gateway shows of a bunker. No book is older than one that is known here, or that a host names. Throws
 * `reply.mismatch`, `receipt.invalid`, `book.invalid` or `book.stale`.
 */
export async function readState(key: Key, status: BunkerStatus, known: KnownBooks): Promise<BunkerState> {
  const { keyId } = key
  if (status.keyId !== keyId) return refuse('reply.mismatch')
  const { signer, relays } = status
  const receipts = await readReceipts(key, status)
  const read = await Promise.all(status.books.map((book) => readBook(key, signer, book)))
  const books = read.sort((a, b) => a.index - b.index)
  if (new Set(books.map(({ index }) => index)).size !== books.length) return refuse('book.invalid')
  for (const { index, body, digest } of books) known.note(keyId, index, { serial: body.serial, digest })
  requireNewest(key, books, [...receipts.values()], known)
  const seen = await Promise.all(status.bindings.map(async (word) => ((await isSeen(key, word, known)) ? [word] : [])))
  return { signer, books, bindings: seen.flat(), receipts, relays }
}

/** Throws `book.stale` where a host names a newer book than the one that is shown, or one that is known here is not shown. */
function requireNewest(
  { keyId, participants }: Key,
  books: readonly ReadBook[],
  receipts: readonly BunkerReceipt[],
  known: KnownBooks,
): void {
  participants.forEach((_, at) => {
    const index = at + 1
    const shown = books.find((book) => book.index === index)?.body.serial ?? 0
    const named = receipts.flatMap(({ body }) => body.books.filter((book) => book.index === index))
    const newest = Math.max(known.of(keyId, index)?.serial ?? 0, ...named.map(({ serial }) => serial))
    if (newest > shown) refuse('book.stale', [index])
  })
}

/**
 * Every host of the key holds this signer. Throws `enclave.unreachable` with those of whom there is no word: a host that has not been
 * asked could hold another.
 */
export function requireAllHosts(key: Key, { receipts }: BunkerState): void {
  const missing = key.certificate.body.roster.skeleton.participants.filter(
    ({ host }) => !receipts.has(host.identity.signKey),
  )
  if (missing.length > 0)
    refuse(
      'enclave.unreachable',
      missing.map(({ index }) => index),
    )
}

/** Whose hosts have this very book, by their word, and whose have not. User ids. */
export type Heard = Readonly<{ by: readonly string[]; missing: readonly string[] }>

export function heardBy(key: Key, { receipts }: BunkerState, index: number, digest: Digest): Heard {
  const { participants } = key.certificate.body.roster.skeleton
  const holds = (host: SignKey) =>
    receipts.get(host)?.body.books.some((book) => book.index === index && book.digest === digest) ?? false
  const of = (wanted: boolean) =>
    participants.filter(({ host }) => holds(host.identity.signKey) === wanted).map(({ userId }) => userId)
  return { by: of(true), missing: of(false) }
}

/** The same of this owner's book, as it is shown. Of one that has written none: nobody misses it. */
export function heardOwn(key: Key, state: BunkerState, me: number): Heard {
  const own = state.books.find(({ index }) => index === me)
  return own === undefined ? { by: [], missing: [] } : heardBy(key, state, me, own.digest)
}
