import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Relays } from '@quorate/shared/nostr/relays'
import type { Binding, Book, SealedSigner } from '@quorate/shared/wire/bunker'
import type { SignKey } from '@quorate/shared/wire/ids'
import type { BunkerRecord } from '../store/bunkers.ts'

/** As many as a host keeps, of all hosts together. */
const MOST_BINDINGS = 2_048
const MOST_GREETED = 64

export const newRecord = (signer: NostrKey, sealed: BunkerRecord['sealed']): BunkerRecord => ({
  signer,
  sealed,
  books: [],
  bindings: [],
  greeted: [],
})

export const withSealed = (record: BunkerRecord, host: SignKey, signer: SealedSigner): BunkerRecord => ({
  ...record,
  sealed: { ...record.sealed, [host]: signer },
})

export const withBook = (record: BunkerRecord, book: Book): BunkerRecord => ({
  ...record,
  books: [...record.books.filter(({ body }) => body.index !== book.body.index), book].sort(
    (one, other) => one.body.index - other.body.index,
  ),
})

/** The last word of a host on a grant is kept. Where there are too many, those go first that are over, then the oldest. */
export function withBindings(
  record: BunkerRecord,
  said: readonly Readonly<{ host: SignKey; binding: Binding }>[],
): BunkerRecord {
  if (said.length === 0) return record
  const nameOf = ({ host, binding: { body } }: (typeof said)[number]) => `${host}/${body.grant}/${body.client}`
  const all = new Map([...record.bindings, ...said].map((one) => [nameOf(one), one]))
  const worth = ({ binding: { body } }: (typeof said)[number]) => (body.ended ? 0 : 1e15) + body.since
  const kept = [...all.values()].sort((one, other) => worth(other) - worth(one)).slice(0, MOST_BINDINGS)
  return { ...record, bindings: kept }
}

export const withGreeted = (record: BunkerRecord, client: NostrKey, relays: Relays): BunkerRecord => ({
  ...record,
  greeted: [...record.greeted.filter((one) => one.client !== client), { client, relays }].slice(-MOST_GREETED),
})

/** Where the bunker listens: every relay that a book names, and those of programs that it has greeted. */
export const relaysOf = ({ books, greeted }: BunkerRecord): string[] => [
  ...new Set([...books.flatMap(({ body }) => body.relays), ...greeted.flatMap(({ relays }) => relays)]),
]

/** Characters of one question to a host. */
const MOST_CHARACTERS = 400_000
const OF_BINDING = 512

type Part = Readonly<{ books: Book[]; bindings: Binding[] }>

/**
 * All that a host needs, in parts that fit into a question each; at least one. Words of several hosts on one grant count together, so that they
 * stay together.
 */
export function partsOf({ books, bindings }: Pick<BunkerRecord, 'books' | 'bindings'>): Part[] {
  const parts: { part: Part; characters: number }[] = [{ part: { books: [], bindings: [] }, characters: 0 }]
  const place = (characters: number): Part => {
    const last = parts.at(-1)
    if (last !== undefined && (last.characters === 0 || last.characters + characters <= MOST_CHARACTERS)) {
      last.characters += characters
      return last.part
    }
    const next = { part: { books: [], bindings: [] }, characters }
    parts.push(next)
    return next.part
  }
  for (const book of books) place(book.body.sealed.length + 4_096).books.push(book)
  const byGrant = new Map<string, typeof bindings>()
  for (const one of bindings) {
    const { grant } = one.binding.body
    byGrant.set(grant, [...(byGrant.get(grant) ?? []), one])
  }
  for (const words of byGrant.values())
    place(words.length * OF_BINDING).bindings.push(...words.map(({ binding }) => binding))
  return parts.map(({ part }) => part)
}
