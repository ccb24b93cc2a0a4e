import { Refusal } from '@quorate/shared/errors'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { sealSignature } from '@quorate/shared/crypto/session-items'
import { fromBase64url, fromHex, toBase64url } from '@quorate/shared/wire/bytes'
import type { ItemResult, Outcome, Partial } from '@quorate/shared/wire/signing'
import * as z from 'zod/mini'
import type { OpenKey } from '../vault.ts'

/*
 * What a signing seals under S: partials for the other hosts of the key, results for all who know S.
 */

const PartialsOfItems = z.array(z.instanceof(Uint8Array))

const partialContext = (signingId: string, attempt: number, index: number) => ['partial', signingId, attempt, index]

/** Seals the partial signatures of all live items, for the other hosts of the key alone: together they are the signature. */
export function sealPartials(
  key: OpenKey,
  signingId: string,
  attempt: number,
  partials: readonly Uint8Array[],
): string {
  const secret = deriveKey(key.sessionSecret, 'partial', signingId)
  const sealed = sealWith(secret, partialContext(signingId, attempt, key.index), encode(partials))
  secret.fill(0)
  return toBase64url(sealed)
}

/** Opens one participant's partials, signed by its host. What does not open then is that host's fault, as a bad partial is. */
export function openPartials(
  key: OpenKey,
  items: number,
  { body: { signingId, attempt, index, sealed } }: Partial,
): Uint8Array[] {
  const secret = deriveKey(key.sessionSecret, 'partial', signingId)
  try {
    const plaintext = openWith(secret, partialContext(signingId, attempt, index), fromBase64url(sealed))
    const partials = PartialsOfItems.parse(decode(plaintext))
    if (partials.length === items) return partials
  } catch {
    // Falls through: a blob that does not open and one that does not parse are the same refusal.
  } finally {
    secret.fill(0)
  }
  throw new Refusal('signing.bad_partial', [index])
}

/** Seals each signature under S, for its place in the request. */
export const sealOutcomes = (
  { sessionSecret }: OpenKey,
  signingId: string,
  outcomes: readonly Outcome[],
): ItemResult[] =>
  outcomes.map((outcome, at) =>
    typeof outcome === 'string'
      ? { sealedSignature: toBase64url(sealSignature(sessionSecret, signingId, at, fromHex(outcome))) }
      : outcome,
  )
