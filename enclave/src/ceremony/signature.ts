import { Refusal } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/seal/cbor'
import { openSignature, sealSignature } from '@quorate/shared/seal/items'
import { deriveKey } from '@quorate/shared/seal/session-keys'
import { digestOf } from '@quorate/shared/seal/sign'
import { openWith, sealWith } from '@quorate/shared/seal/symmetric'
import { policyDigest, signatureDigest } from '@quorate/shared/verify/signing'
import { fromBase64url, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Partial, SigningReceipt } from '@quorate/shared/wire/signing'
import { z } from 'zod'
import type { OpenKey } from '../vault/shares.ts'
import { commitmentsFor } from './package.ts'
import { orRefuse } from './refuse-mpc.ts'
import type { Seat, Signing, SigningPorts } from './seat.ts'

const Shares = z.array(z.instanceof(Uint8Array)).min(1)

const partialContext = (signingId: string, attempt: number, index: number) => ['partial', signingId, attempt, index]

/** Seals the partial signatures of all items, for the other hosts of the key alone: together they are the signature. */
export function sealPartials(
  key: OpenKey,
  signingId: string,
  attempt: number,
  partials: readonly Uint8Array[],
): Partial {
  const secret = deriveKey(key.sessionSecret, 'partial', signingId)
  const sealed = sealWith(secret, partialContext(signingId, attempt, key.index), encode(partials))
  secret.fill(0)
  return { index: key.index, sealed: toBase64url(sealed) }
}

/** Opens one participant's partials. What does not open is that participant's fault, as a bad partial is. */
function openPartials(key: OpenKey, signing: Signing, attempt: number, { index, sealed }: Partial): Uint8Array[] {
  const { signingId } = signing.request
  const secret = deriveKey(key.sessionSecret, 'partial', signingId)
  try {
    const plaintext = openWith(secret, partialContext(signingId, attempt, index), fromBase64url(sealed))
    const partials = Shares.parse(decode(plaintext))
    if (partials.length === signing.tasks.length) return partials
  } catch {
    // Falls through: a blob that does not open and one that does not parse are the same refusal.
  } finally {
    secret.fill(0)
  }
  throw new Refusal('signing.bad_partial', [index])
}

/**
 * Joins the partials of the quorum into one signature per item (RFC 9591 §5.3). FROST's aggregation verifies the result
 * under the group key, and looks for the culprits only if it does not verify. Throws `signing.bad_partial`.
 */
export function aggregate(
  { mpc }: SigningPorts,
  signing: Signing,
  seat: Seat,
  key: OpenKey,
  partials: readonly Partial[],
): HostResult<'signing.aggregate'> {
  const commitments = seat.spent?.commitments
  if (commitments === undefined) throw new Refusal('signing.unknown')
  const quorum = commitments.map(({ body }) => body.index)
  const missing = quorum.filter((index) => !partials.some((partial) => partial.index === index))
  if (partials.length !== quorum.length || missing.length > 0) throw new Refusal('signing.bad_partial', missing)
  const opened = partials.map((partial) => [partial.index, openPartials(key, signing, seat.attempt, partial)] as const)

  const frost = mpc.frost(key.certificate.roster.skeleton.scheme)
  const signatures = signing.tasks.map(({ message, tweak }, at) => {
    const shares = new Map(opened.map(([index, ofItems]) => [index, ofItems[at] ?? new Uint8Array(0)]))
    const { publicKeys } = key
    const params = { publicKeys, commitments: commitmentsFor(commitments, at), partials: shares, message, tweak }
    return orRefuse('signing.bad_partial', () => frost.aggregate(params))
  })
  const { signingId } = signing.request
  const sealed = signatures.map((signature, at) =>
    toBase64url(sealSignature(key.sessionSecret, signingId, at, signature)),
  )
  signing.aggregated = digestOf('signature', sealed)
  return {
    sealedSignatures: sealed,
    signatureDigest: signatureDigest(signatures.map(toHex)),
  }
}

/**
 * The receipt of one host of the quorum: it opens the signatures, verifies each under the key, and says what it signed.
 * Throws `signing.unknown` for who has not taken part, `signature.invalid` for whatever does not verify.
 */
export async function confirm(
  { mpc, vault, measurements, clock, log }: SigningPorts,
  signing: Signing,
  seat: Seat,
  key: OpenKey,
  sealedSignatures: readonly string[],
): Promise<HostResult<'signing.confirm'>> {
  if (seat.spent?.partial == null) throw new Refusal('signing.unknown')
  const { signingId } = signing.request
  if (sealedSignatures.length !== signing.tasks.length) throw new Refusal('signature.invalid')
  const signatures = sealedSignatures.map((sealed, at) =>
    openSignature(key.sessionSecret, signingId, at, fromBase64url(sealed)),
  )
  const frost = mpc.frost(key.certificate.roster.skeleton.scheme)
  const verified =
    signing.aggregated === digestOf('signature', sealedSignatures) ||
    signing.tasks.every(({ publicKey, message }, at) =>
      frost.verify({ publicKey, message, signature: signatures[at] ?? new Uint8Array(0) }),
    )
  if (!verified) throw new Refusal('signature.invalid')
  const body: SigningReceipt['body'] = {
    requestDigest: signing.requestDigest,
    signatureDigest: signatureDigest(signatures.map(toHex)),
    quorum: seat.spent.commitments.map(({ body: { index } }) => index),
    index: key.index,
    policyDigest: policyDigest(key),
    epoch: key.certificate.epoch,
    measurements,
    signedAt: clock(),
  }
  log({ event: 'signature.made', signingId, index: key.index, signatureDigest: body.signatureDigest })
  return { receipt: await vault.sign('signing-receipt', body) }
}
