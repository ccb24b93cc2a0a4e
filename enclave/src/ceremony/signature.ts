import { Refusal } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { openSignature, sealSignature } from '@quorate/shared/crypto/session-items'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { digestOf } from '@quorate/shared/crypto/sign'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { factsOf } from '@quorate/shared/schemes/table'
import { failuresOf } from '@quorate/shared/verify/items'
import { policyDigest, resultDigest } from '@quorate/shared/verify/signing'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { ItemFailure, ItemResult, Outcome, Partial, SigningReceipt } from '@quorate/shared/wire/signing'
import { z } from 'zod'
import type { OpenKey } from '../vault/shares.ts'
import { liveItems } from './package.ts'
import { orRefuse } from './refuse-mpc.ts'
import type { Seat, Signing, SigningPorts } from './seat.ts'

const Shares = z.array(z.instanceof(Uint8Array))

const partialContext = (signingId: string, attempt: number, index: number) => ['partial', signingId, attempt, index]

/** Seals the partial signatures of all live items, for the other hosts of the key alone: together they are the signature. */
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
function openPartials(
  key: OpenKey,
  { signingId, attempt, items }: Readonly<{ signingId: string; attempt: number; items: number }>,
  { index, sealed }: Partial,
): Uint8Array[] {
  const secret = deriveKey(key.sessionSecret, 'partial', signingId)
  try {
    const plaintext = openWith(secret, partialContext(signingId, attempt, index), fromBase64url(sealed))
    const partials = Shares.parse(decode(plaintext))
    if (partials.length === items) return partials
  } catch {
    // Falls through: a blob that does not open and one that does not parse are the same refusal.
  } finally {
    secret.fill(0)
  }
  throw new Refusal('signing.bad_partial', [index])
}

/**
 * Joins the partials of the quorum into one signature per live item (RFC 9591 §5.3), beside the failures of the others. FROST's
 * aggregation verifies each under the group key, and looks for culprits only if it does not. Throws `signing.bad_partial`.
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
  const { signingId } = signing.request
  const live = liveItems(signing, commitments)
  const of = { signingId, attempt: seat.attempt, items: live.length }
  const opened = partials.map((partial) => [partial.index, openPartials(key, of, partial)] as const)

  const frost = mpc.frost(key.certificate.roster.skeleton.scheme)
  const signatures = new Map(
    live.map(({ at, message, tweak, commitments }, nth) => {
      const shares = new Map(opened.map(([index, ofItems]) => [index, ofItems[nth] ?? new Uint8Array(0)]))
      const params = { publicKeys: key.publicKeys, commitments, partials: shares, message, tweak }
      return [at, orRefuse('signing.bad_partial', () => frost.aggregate(params))] as const
    }),
  )
  const outcomes = failuresOf(commitments).map(
    (failure, at) => failure ?? toHex(signatures.get(at) ?? new Uint8Array(0)),
  )
  const results = sealOutcomes(key, signingId, outcomes)
  signing.aggregated = digestOf('result', results)
  return { results, resultDigest: resultDigest(outcomes) }
}

/** Seals each signature under S, for its place in the request. */
const sealOutcomes = ({ sessionSecret }: OpenKey, signingId: string, outcomes: readonly Outcome[]): ItemResult[] =>
  outcomes.map((outcome, at) =>
    typeof outcome === 'string'
      ? { sealedSignature: toBase64url(sealSignature(sessionSecret, signingId, at, fromHex(outcome))) }
      : outcome,
  )

/** Opens the results of all items. Throws `signature.invalid` unless those without a signature are those that the package names. */
function openResults(
  { request }: Signing,
  { sessionSecret, certificate }: OpenKey,
  failures: readonly (ItemFailure | null)[],
  results: readonly ItemResult[],
): Outcome[] {
  if (results.length !== failures.length) throw new Refusal('signature.invalid')
  const { signatureLength: length } = factsOf(certificate.roster.skeleton.scheme)
  return results.map((result, at) => {
    const failure = failures[at]
    if (failure === null && 'sealedSignature' in result)
      return toHex(openSignature(sessionSecret, request.signingId, at, fromBase64url(result.sealedSignature), length))
    const same = failure !== null && digestOf('result', result) === digestOf('result', failure)
    if (failure === undefined || !same) throw new Refusal('signature.invalid')
    return failure
  })
}

/**
 * The receipt of one host of the quorum: it opens the signatures, verifies each under the key, and says what it signed, and
 * what it did not. Throws `signing.unknown` for who has not taken part, `signature.invalid` for whatever does not verify.
 */
export async function confirm(
  { mpc, vault, measurements, clock, log }: SigningPorts,
  signing: Signing,
  seat: Seat,
  key: OpenKey,
  results: readonly ItemResult[],
): Promise<HostResult<'signing.confirm'>> {
  if (seat.spent?.partial == null) throw new Refusal('signing.unknown')
  const { commitments } = seat.spent
  const live = liveItems(signing, commitments)
  const outcomes = openResults(signing, key, failuresOf(commitments), results)
  const frost = mpc.frost(key.certificate.roster.skeleton.scheme)
  const verified =
    signing.aggregated === digestOf('result', results) ||
    live.every(({ at, publicKey, message }) => {
      const signature = outcomes[at]
      return typeof signature === 'string' && frost.verify({ publicKey, message, signature: fromHex(signature) })
    })
  if (!verified) throw new Refusal('signature.invalid')
  const body: SigningReceipt['body'] = {
    requestDigest: signing.requestDigest,
    resultDigest: resultDigest(outcomes),
    quorum: commitments.map(({ body: { index } }) => index),
    index: key.index,
    policyDigest: policyDigest(key),
    epoch: key.certificate.epoch,
    measurements,
    signedAt: clock(),
  }
  const { signingId } = signing.request
  log({
    event: 'signing.confirmed',
    signingId,
    index: key.index,
    signatures: live.length,
    resultDigest: body.resultDigest,
  })
  return { receipt: await vault.sign('signing-receipt', body) }
}
