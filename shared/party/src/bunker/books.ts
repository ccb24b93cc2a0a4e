import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import { mostLimits, openBook } from '@quorate/shared/crypto/bunker-secrets'
import type { Book, BookTerms, BunkerReceipt } from '@quorate/shared/wire/bunker'
import type { Digest, GrantId } from '@quorate/shared/wire/ids'
import { requiredVouchers, versionOf, vouch, sameVersion } from '../epochs.ts'
import type { Floor } from '@quorate/shared/wire/recall'
import type { Floors } from '../floors.ts'
import type { GrantUses } from '../grant-uses.ts'
import type { Memories } from '../memories.ts'
import type { PartyPorts } from '../ports.ts'
import type { HeldKey, Vault } from '../vault.ts'

type Ports = Pick<PartyPorts, 'life' | 'clock'> &
  Readonly<{ vault: Vault; memories: Memories; grants: GrantUses; floors: Floors; changed: (lineage: Digest) => void }>

/** A book in force. */
export type OpenBook = Readonly<{ body: Book['body']; digest: Digest; terms: BookTerms }>

/** The books of all owners of the keys of this host, as far as they are known to be the newest. */
export type Books = Readonly<{
  /**
   * Takes an owner's book. The same one again changes nothing. Throws `book.invalid`, `book.stale`, and `book.unproven` where this life cannot
   * tell whether it is the newest.
   */
  take: (key: HeldKey, book: Book) => Promise<void>
  of: (lineage: Digest) => ReadonlyMap<number, OpenBook>
  /** By owner, for a receipt. */
  list: (lineage: Digest) => BunkerReceipt['body']['books']
}>

const isBelow = (one: Floor, floor: Floor): boolean =>
  one.serial < floor.serial || (one.serial === floor.serial && one.digest < floor.digest)

const limitsOf = ({ grants }: BookTerms): number => grants.reduce((sum, { limits }) => sum + limits.length, 0)

type Kept = Map<Digest, Map<number, OpenBook>>

/** Enough owners have said in this life, by their books, that this is the version in force. */
function hearVersion({ life, memories }: Ports, key: HeldKey, books: Iterable<OpenBook>): void {
  const { keyId, participants, threshold } = key.certificate.roster.skeleton
  const { lineage } = key
  const memory = memories.of(lineage)
  if (memory.current !== null) return
  const version = versionOf(key)
  const said = [...books].filter(({ body }) => body.lives.includes(life.id) && sameVersion(body.version, version))
  if (said.length < requiredVouchers(participants.length, threshold)) return
  memories.keep({ keyId, lineage }, vouch(memory, version))
}

/** Throws unless nothing newer is known of this owner. Without an `await` between this and `admit`. */
function requireNewest({ floors, life }: Ports, key: HeldKey, { body, digest }: OpenBook): void {
  const { index, serial, lives } = body
  const floor = floors.floorsOf(key.lineage).find((one) => one.index === index)
  if (floor !== undefined && isBelow({ index, serial, digest }, floor)) throw new Refusal('book.stale', [index])
  if (!floors.isComplete(key.lineage, key.life, index) && !lives.includes(life.id))
    throw new Refusal('book.unproven', [index])
}

function admit(ports: Ports, kept: Kept, key: HeldKey, book: OpenBook): void {
  const { floors, grants, life, changed } = ports
  const { lineage } = key
  const { index, serial, lives } = book.body
  const ids = book.terms.grants.map(({ id }) => id)
  floors.note(lineage, { index, serial, digest: book.digest })
  if (!floors.isComplete(lineage, key.life, index) && lives.includes(life.id)) {
    floors.assure(lineage, index)
    grants.renew(lineage, index, ids)
  }
  grants.forget(lineage, index, new Set<GrantId>(ids))
  const books = kept.get(lineage) ?? new Map<number, OpenBook>()
  books.set(index, book)
  kept.set(lineage, books)
  changed(lineage)
  hearVersion(ports, key, books.values())
}

/** Is it its owner's word on this key, with no more in it than a host counts? Throws `book.invalid`. */
async function openFor({ vault }: Ports, key: HeldKey, book: Book): Promise<OpenBook> {
  const { body } = book
  const { roster } = key.certificate
  const owner = roster.registrations[body.index - 1]?.body
  const isOwn = owner !== undefined && body.skeletonDigest === owner.skeletonDigest
  if (!isOwn || !(await verifyBody(owner.authKey, 'book', book))) throw new Refusal('book.invalid', [body.index])
  const terms = vault.lend(roster.skeleton.keyId, key.index, ({ sessionSecret }) => openBook(sessionSecret, body))
  if (limitsOf(terms) > mostLimits(roster.skeleton.participants.length)) throw new Refusal('book.invalid', [body.index])
  return { body, digest: digestOf('book', body), terms }
}

export function createBooks(ports: Ports): Books {
  const kept: Kept = new Map()
  const of = (lineage: Digest): ReadonlyMap<number, OpenBook> => kept.get(lineage) ?? new Map<number, OpenBook>()
  return {
    of,
    async take(key, book) {
      const known = of(key.lineage).get(book.body.index)
      if (known?.digest === digestOf('book', book.body)) return
      const opened = await openFor(ports, key, book)
      requireNewest(ports, key, opened)
      admit(ports, kept, key, opened)
    },
    list: (lineage) =>
      [...of(lineage)]
        .sort(([one], [other]) => one - other)
        .map(([index, { body, digest }]) => ({ index, serial: body.serial, digest })),
  }
}
