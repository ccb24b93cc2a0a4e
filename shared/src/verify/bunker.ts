import { KnownWords } from '../crypto/known-words.ts'
import { digestOf, verifyBody } from '../crypto/sign.ts'
import { Refusal } from '../errors.ts'
import type { Binding, Book, BunkerReceipt, LogEntry } from '../wire/bunker.ts'
import type { Digest, SignKey } from '../wire/ids.ts'
import { lineageOf } from './certificate.ts'
import type { VerifiedKey } from './signing.ts'

/** Is the book the word of an owner of this key, by the auth key of its registration? Gives H(book, body). Throws `book.invalid`. */
export async function verifyBook({ certificate }: VerifiedKey, book: Book): Promise<Digest> {
  const { body } = book
  const { skeleton, registrations } = certificate.roster
  const authKey = registrations[body.index - 1]?.body.authKey
  const isOfKey = body.skeletonDigest === digestOf('skeleton', skeleton)
  if (authKey === undefined || !isOfKey || !(await verifyBody(authKey, 'book', book))) throw new Refusal('book.invalid')
  return digestOf('book', body)
}

/** The words of a host on a bunker, each under V with a tag of its own. */
type Words = Readonly<{ binding: Binding; 'bunker-receipt': BunkerReceipt; 'log-entry': LogEntry }>

/** V of each host of a key, by the index of its share. One host may hold several. */
export const hostsOf = ({ certificate }: VerifiedKey): ReadonlyMap<number, SignKey> =>
  new Map(certificate.roster.skeleton.participants.map(({ index, host }) => [index, host.identity.signKey]))

/** `likely`: tried first, since a word names no host. `words`: those that were verified before. */
type Hints = Readonly<{ likely?: SignKey | undefined; words?: KnownWords }>

/** Which host of the key said this of its bunker: V. Null when none did. */
export async function saidBy<T extends keyof Words>(
  key: VerifiedKey,
  tag: T,
  word: Words[T],
  { likely, words = new KnownWords(1) }: Hints = {},
): Promise<SignKey | null> {
  if (word.body.lineage !== lineageOf(key.certificate)) return null
  const hosts = new Set(hostsOf(key).values())
  const candidates = likely !== undefined && hosts.has(likely) ? [likely, ...hosts] : [...hosts]
  return words.signerOf(candidates, tag, word)
}
