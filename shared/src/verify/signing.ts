import { isFresh } from '../consent/times.ts'
import { Refusal } from '../errors.ts'
import { digestOf, verifyBody } from '../crypto/sign.ts'
import type { Digest } from '../wire/ids.ts'
import type { CertificateBody } from '../wire/certificate.ts'
import type { Outcome, RequestBody, SigningReceipt, SigningRequest, Withdrawal } from '../wire/signing.ts'
import { areEnough, signersOfItems } from './signers.ts'

/** A certificate that has been verified, with the digest by which requests name it. */
export type VerifiedKey = Readonly<{ certificate: CertificateBody; digest: Digest }>

/** Checks that a request names this very version of its key, who signs it, and something that its policy permits. */
export function requireForKey(key: VerifiedKey, { keyId, epoch, certificateDigest, items }: RequestBody): void {
  const { skeleton } = key.certificate.roster
  if (keyId !== skeleton.keyId) throw new Refusal('signing.request_invalid')
  if (epoch !== key.certificate.epoch) throw new Refusal('epoch.stale')
  if (certificateDigest !== key.digest) throw new Refusal('signing.request_invalid')
  signersOfItems(skeleton, { items })
  if (!items.some(({ type }) => skeleton.policy.content.includes(type))) throw new Refusal('content.not_permitted')
}

/**
 * Checks a participant's request against its key, and gives R (hex). Types that the policy does not name concern their items alone, unless
 * there are no others. `now` (ms) holds it against the time too; null is for what may have ended. Throws a `Refusal`:
 * `consent.expired` for what is over, older than 31 days, or from the future.
 */
export async function verifyRequest(key: VerifiedKey, request: SigningRequest, now: number | null): Promise<Digest> {
  const { body } = request
  const { registrations } = key.certificate.roster
  const authKey = typeof body.asker === 'number' ? registrations[body.asker - 1]?.body.authKey : undefined
  if (authKey === undefined) throw new Refusal('signing.request_invalid')
  requireForKey(key, body)
  if (!(await verifyBody(authKey, 'request', request))) throw new Refusal('signing.request_invalid')
  if (now !== null && !isFresh(body.askedAt, body.expiresAt, now)) throw new Refusal('consent.expired')
  return digestOf('request', body)
}

/** Checks that who asked for the request R takes it back by this word. Throws `signing.withdrawal_invalid`. */
export async function verifyWithdrawal(
  authKey: string | undefined,
  requestDigest: Digest,
  withdrawal: Withdrawal,
): Promise<void> {
  const isOfRequest = withdrawal.body.requestDigest === requestDigest
  if (authKey === undefined || !isOfRequest || !(await verifyBody(authKey, 'withdrawal', withdrawal)))
    throw new Refusal('signing.withdrawal_invalid')
}

/** H(policy, …): what the roster permits, as a receipt names it. */
export const policyDigest = (key: VerifiedKey): Digest => digestOf('policy', key.certificate.roster.skeleton.policy)

/** Hex of H(result, …) over how all items ended, in their order. */
export const resultDigest = (outcomes: readonly Outcome[]): Digest => digestOf('result', outcomes)

/**
 * Checks that the receipts are those of a whole quorum for these outcomes of a request: one by each of its hosts, enough for each item that is
 * signed, all of one attempt and one package, all saying the same. Works offline and for ever. Throws `receipt.invalid`, with the host that signed for another policy or
 * epoch than the key has.
 */
export async function verifyReceipts(
  key: VerifiedKey,
  request: RequestBody,
  outcomes: readonly Outcome[],
  receipts: readonly SigningReceipt[],
): Promise<void> {
  const { skeleton } = key.certificate.roster
  const quorum = receipts.map(({ body }) => body.index)
  const [first] = receipts
  const distinct = new Set(quorum).size === quorum.length
  const signers = signersOfItems(skeleton, request)
  const isWhole = signers.every((one, at) => typeof outcomes[at] !== 'string' || areEnough(one, quorum))
  if (!first || !distinct || !isWhole || !signers.some((one) => areEnough(one, quorum)))
    throw new Refusal('receipt.invalid')
  const requestDigest = digestOf('request', request)
  const digest = resultDigest(outcomes)
  const policy = policyDigest(key)
  for (const receipt of receipts) {
    const { body } = receipt
    const host = skeleton.participants[body.index - 1]?.host
    const same =
      body.requestDigest === requestDigest &&
      body.attempt === first.body.attempt &&
      body.packageDigest === first.body.packageDigest &&
      body.resultDigest === digest &&
      body.quorum.length === quorum.length &&
      quorum.every((index) => body.quorum.includes(index))
    if (!host || !same || !(await verifyBody(host.identity.signKey, 'signing-receipt', receipt)))
      throw new Refusal('receipt.invalid')
    if (body.policyDigest !== policy || body.epoch !== key.certificate.epoch)
      throw new Refusal('receipt.invalid', [body.index])
  }
}
