import type { Mpc } from '../../mpc/src/index.ts'
import { digestOf } from '../crypto/sign.ts'
import { taggedHash } from '../crypto/hash.ts'
import { itemDigest } from '../crypto/session-items.ts'
import { Refusal } from '../errors.ts'
import { Envelope, verifyEnvelope } from '../nostr/event.ts'
import type { NostrKey } from '../nostr/keys.ts'
import { fromBase64url, readUtf8, toBase64url, toHex, toUtf8 } from '../wire/bytes.ts'
import type { Item } from '../wire/content.ts'
import { SigningId, type Digest } from '../wire/ids.ts'
import type { RequestBody, SigningRequest } from '../wire/signing.ts'
import { lineageOf } from './certificate.ts'
import { sealedDigest } from './items.ts'
import { requireForKey, type VerifiedKey } from './signing.ts'

/*
 * A program asks by an event (NIP-46). What is to be signed stands in it, encrypted to the signer, and the event travels in the place
 * of the sealed items. The request follows from it to the byte, so that each host writes it anew and compares.
 */

/** For how long a program's request counts, from the date of its event on. ms */
export const LIFETIME = 3_600_000

/** An event in the place of a sealed item: unpadded base64url of its JSON. */
export const sealedEvent = ({ id, pubkey, created_at, kind, tags, content, sig }: Envelope): string =>
  toBase64url(toUtf8(JSON.stringify({ id, pubkey, created_at, kind, tags, content, sig })))

/** Inverse of `sealedEvent`, for what nobody has verified. Throws `nostr.event_invalid`. */
export function readSealedEvent(sealedItems: readonly string[]): Envelope {
  const [sealed, ...more] = sealedItems
  const text = sealed === undefined || more.length > 0 ? null : readUtf8(fromBase64url(sealed))
  try {
    return Envelope.parse(JSON.parse(text ?? ''))
  } catch {
    throw new Refusal('nostr.event_invalid')
  }
}

/** Names the signing of an event: one for each. */
export const clientSigningId = (lineage: Digest, event: Digest): SigningId =>
  SigningId.parse(toHex(taggedHash('client-request', [lineage, event])).slice(0, 32))

/** The part of a program's request that anybody can write who has the event. */
function publicPart({ certificate, digest }: VerifiedKey, signer: NostrKey, event: Envelope) {
  const askedAt = event.created_at * 1_000
  return {
    signingId: clientSigningId(lineageOf(certificate), event.id),
    keyId: certificate.roster.skeleton.keyId,
    certificateDigest: digest,
    epoch: certificate.epoch,
    asker: { client: event.pubkey, event: event.id, signer },
    sealedDigest: sealedDigest([sealedEvent(event)]),
    askedAt,
    expiresAt: askedAt + LIFETIME,
  }
}

/** The request that a verified event is, whose text asks for this item. */
export function clientRequest(
  key: VerifiedKey,
  sessionSecret: Uint8Array,
  { signer, event, item }: Readonly<{ signer: NostrKey; event: Envelope; item: Item }>,
): SigningRequest {
  const { signingId, ...rest } = publicPart(key, signer, event)
  const digest = toHex(itemDigest(sessionSecret, signingId, 0, item)) as Digest
  return { body: { signingId, ...rest, items: [{ type: item.content.type, digest }] }, signature: event.sig }
}

const withoutItems = ({ items, ...rest }: RequestBody): unknown => ({ ...rest, many: items.length })

/**
 * Checks that a request follows from an event that was verified, as far as anybody can see who does not open it. Gives R. Throws
 * `signing.request_invalid`, and as `requireForKey`.
 */
export function requireOfEvent(
  key: VerifiedKey,
  { body, signature }: SigningRequest,
  signer: NostrKey,
  event: Envelope,
): Digest {
  requireForKey(key, body)
  const expected = { ...publicPart(key, signer, event), many: 1 }
  const isOfEvent = digestOf('request', withoutItems(body)) === digestOf('request', expected)
  if (!isOfEvent || signature !== event.sig) throw new Refusal('signing.request_invalid')
  return digestOf('request', body)
}

/**
 * What a stranger to the key can check of a program's request: that the program signed the event from which it follows. Gives R and
 * the event. What it asks for, hosts find out. Throws `signing.request_invalid`, `nostr.event_*`, and as `requireForKey`.
 */
export function verifyClientRequest(
  mpc: Mpc,
  key: VerifiedKey,
  request: SigningRequest,
  sealedItems: readonly string[],
): Readonly<{ requestDigest: Digest; event: Envelope }> {
  const { asker } = request.body
  if (typeof asker === 'number') throw new Refusal('signing.request_invalid')
  requireForKey(key, request.body)
  const event = verifyEnvelope(mpc, readSealedEvent(sealedItems), asker.signer)
  return { requestDigest: requireOfEvent(key, request, asker.signer, event), event }
}
