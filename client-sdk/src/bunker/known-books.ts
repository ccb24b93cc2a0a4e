import { KnownWords } from '@quorate/shared/crypto/known-words'
import type { Digest } from '@quorate/shared/wire/ids'
import { refuse } from '../errors.ts'

/** Which book of an owner: a later one has a higher serial. */
export type BookName = Readonly<{ serial: number; digest: Digest }>

/**
 * The newest book of each owner that this program has seen. A gateway that shows an older one would have it copied into the next, and
 * bring back what was taken away.
 */
export type KnownBooks = Readonly<{
  /** Throws `book.stale` for one that is older than the newest known, or another of the same serial. */
  note: (keyId: string, index: number, book: BookName) => void
  of: (keyId: string, index: number) => BookName | null
  /**
   * The serial of a new book: above that of the one that is shown, and of every one that was tried here. So the last word counts, though
   * a gateway says that an earlier one did not arrive.
   */
  next: (keyId: string, index: number, shown: number) => number
  /** One writing after the other: each begins with what the one before has left. */
  inTurn: <T>(keyId: string, index: number, write: () => Promise<T>) => Promise<T>
  /** Words of hosts that were verified here. A gateway shows them again with each state. */
  words: KnownWords
}>

/** About 2 MB. */
const MOST_WORDS = 8_192

export function createKnownBooks(): KnownBooks {
  const newest = new Map<string, BookName>()
  const tried = new Map<string, number>()
  const last = new Map<string, Promise<unknown>>()
  const nameOf = (keyId: string, index: number) => `${keyId}/${index}`
  return {
    words: new KnownWords(MOST_WORDS),
    note(keyId, index, { serial, digest }) {
      const known = newest.get(nameOf(keyId, index))
      if (known !== undefined && (serial < known.serial || (serial === known.serial && digest !== known.digest)))
        return refuse('book.stale', [index])
      newest.set(nameOf(keyId, index), { serial, digest })
    },
    of: (keyId, index) => newest.get(nameOf(keyId, index)) ?? null,
    next(keyId, index, shown) {
      const serial = Math.max(shown, tried.get(nameOf(keyId, index)) ?? 0) + 1
      tried.set(nameOf(keyId, index), serial)
      return serial
    },
    inTurn(keyId, index, write) {
      const turn = (last.get(nameOf(keyId, index)) ?? Promise.resolve()).then(write)
      last.set(
        nameOf(keyId, index),
        turn.catch(() => undefined),
      )
      return turn
    },
  }
}
