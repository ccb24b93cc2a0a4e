import { digestOf } from '@quorate/shared/crypto/sign'
import type { BookTerms } from '@quorate/shared/wire/bunker'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Context } from '../context.ts'
import { QuorateError, refuse } from '../errors.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import { naming, type Member } from '../naming.ts'
import { writeBook } from './book.ts'
import type { Change } from './grants.ts'
import { heardBy, readState, type BunkerState, type Heard } from './state.ts'

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/** What an owner has said: the digest of the book, where programs are to be, and whose hosts have it by now; and the bunker before and after. */
export type Told = Readonly<{
  digest: Digest
  relays: readonly string[]
  heard: Heard
  before: BunkerState
  after: BunkerState
}>

/** The book of one owner of a bunker: how it is read, and how the next one is written. */
export type OwnBook = Readonly<{
  read: (options?: Signal) => Promise<BunkerState>
  /** `anew`: with the lives of the hosts as they are now. Throws `book.invalid`, `book.stale`, `epoch.stale`, `request.invalid`. */
  write: (change: Change, options?: Signal & Readonly<{ anew?: boolean }>) => Promise<Told>
}>

const isStale = (error: unknown): boolean => error instanceof QuorateError && error.code === 'book.stale'

/** Does it once more when a book was stale: another owner, or another program of this one, has written meanwhile. */
async function onceMore<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!isStale(error)) throw error
    return act()
  }
}

/** Where bunker pages of a gateway are. */
const pageOf = ({ gateway }: Key): string => `${gateway}/bunker`

/** What the next book starts from: the own one, or, before there is one, relays and page of the others. Throws `book.invalid`. */
function draftOf(key: Key, { books }: BunkerState, me: number): Readonly<{ serial: number; terms: BookTerms }> {
  const own = books.find(({ index }) => index === me)
  if (own === undefined) {
    const relays = [...new Set(books.flatMap(({ terms }) => terms?.relays ?? []))].slice(0, 16)
    const page = books.find(({ terms }) => terms !== null)?.terms?.page ?? pageOf(key)
    return { serial: 0, terms: { relays, strangers: 'refuse', page, grants: [] } }
  }
  const { body, terms } = own
  return terms === null ? refuse('book.invalid', [me]) : { serial: body.serial, terms }
}

export function ownBook(context: Context, key: Key, member: Member): OwnBook {
  const { client, books, known, now, readerOf } = context
  const { keyId } = key

  const read = ({ signal }: Signal = {}) =>
    onceMore(async () => {
      const reader = await readerOf(keyId, sessionSecretOf(key))
      return readState(key, await reader('getBunker', { params: { keyId }, signal }), books)
    })

  async function put(state: BunkerState, change: Change, { signal, anew }: Signal & Readonly<{ anew?: boolean }>) {
    const { signer } = state
    const { serial: before, terms: last } = draftOf(key, state, member.index)
    const terms = change(last)
    const serial = books.next(keyId, member.index, before)
    const say = async (lives: string[]) => {
      const book = await writeBook(key, member, { terms, signer, serial, lives, givenAt: now() })
      const status = await client.call('putBook', { params: { keyId }, body: book, signal })
      return { digest: digestOf('book', book.body), status }
    }
    const { digest, status } = await naming(context, key, say, { anew, signal })
    const after = await readState(key, status, books)
    if (!after.books.some((book) => book.digest === digest)) return refuse('reply.mismatch')
    return { digest, relays: terms.relays, heard: heardBy(key, after, member.index, digest), before: state, after }
  }

  return {
    read,
    write(change, options = {}) {
      known.requireCurrent(key)
      return books.inTurn(keyId, member.index, () => onceMore(async () => put(await read(options), change, options)))
    },
  }
}
