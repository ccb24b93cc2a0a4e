import { openWith, sealWith } from '../crypto/aead.ts'
import { decode, encode } from '../crypto/cbor.ts'
import { deriveKey } from '../crypto/hkdf.ts'
import { Refusal } from '../errors.ts'
import { fromBase64url, toBase64url } from '../wire/bytes.ts'
import { BookTerms, LogLine, PendingRequest, type Book, type LogEntry } from '../wire/bunker.ts'
import type { Digest } from '../wire/ids.ts'
import type { Life } from '../wire/identity.ts'
import type { z } from 'zod/mini'

/*
 * What the people and the hosts of a key say of its bunker under the session secret S (32 bytes): the gateway keeps it, and reads none
 * of it.
 */

type Place = readonly [purpose: string, ...where: (string | number)[]]

function seal(sessionSecret: Uint8Array, place: Place, value: unknown): string {
  const key = deriveKey(sessionSecret, ...place)
  const plaintext = encode(value)
  try {
    return toBase64url(sealWith(key, place, plaintext))
  } finally {
    key.fill(0)
    plaintext.fill(0)
  }
}

/** Throws `seal.invalid` for what was sealed elsewhere, and for what is not of this form. */
function open<T>(sessionSecret: Uint8Array, place: Place, schema: z.ZodMiniType<T>, sealed: string): T {
  const key = deriveKey(sessionSecret, ...place)
  try {
    return schema.parse(decode(openWith(key, place, fromBase64url(sealed))))
  } catch {
    throw new Refusal('seal.invalid')
  } finally {
    key.fill(0)
  }
}

type BookPlace = Pick<Book['body'], 'skeletonDigest' | 'index' | 'serial'>
const ofBook = ({ skeletonDigest, index, serial }: BookPlace): Place => ['book', skeletonDigest, index, serial]

export const sealBook = (sessionSecret: Uint8Array, place: BookPlace, terms: BookTerms): string =>
  seal(sessionSecret, ofBook(place), terms)

/** What an owner says in a book. Throws `book.invalid` with the owner, who alone can have written it. */
export function openBook(sessionSecret: Uint8Array, body: Book['body']): BookTerms {
  try {
    return open(sessionSecret, ofBook(body), BookTerms, body.sealed)
  } catch {
    throw new Refusal('book.invalid', [body.index])
  }
}

/** Limits that hosts count for one key, in the books of all its owners. */
const LIMITS_OF_KEY = 512

/** How many limits a book may have where a key has so many participants. */
export const mostLimits = (participants: number): number => Math.floor(LIMITS_OF_KEY / participants)

type LogPlace = Readonly<{ lineage: Digest; life: Life; seq: number }>
const ofLog = ({ lineage, life, seq }: LogPlace): Place => ['log', lineage, life.id, seq]

export const sealLogLine = (sessionSecret: Uint8Array, place: LogPlace, line: LogLine): string =>
  seal(sessionSecret, ofLog(place), line)

/** Throws `seal.invalid`. */
export const openLogLine = (sessionSecret: Uint8Array, { body }: LogEntry): LogLine =>
  open(sessionSecret, ofLog(body), LogLine, body.sealed)

export const sealPending = (sessionSecret: Uint8Array, lineage: Digest, pending: PendingRequest): string =>
  seal(sessionSecret, ['pending', lineage, pending.event], pending)

/** Throws `seal.invalid`. */
export const openPending = (
  sessionSecret: Uint8Array,
  lineage: Digest,
  event: Digest,
  sealed: string,
): PendingRequest => open(sessionSecret, ['pending', lineage, event], PendingRequest, sealed)
