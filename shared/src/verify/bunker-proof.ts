import type { Mpc } from '../../mpc/src/index.ts'
import { verifyPastDocument, verifyAttestedIdentity, type VerifiedDocument } from '../attestation/verify.ts'
import type { TrustPolicy } from '../attestation/policy.ts'
import { CLOCK_SKEW } from '../consent/times.ts'
import { verifyBody } from '../crypto/sign.ts'
import { Refusal } from '../errors.ts'
import { readAttestation } from '../bunker/announcements.ts'
import { isSigned, SignedEvent } from '../nostr/event.ts'
import type { NostrKey } from '../nostr/keys.ts'
import type { BunkerAttestation, BunkerReceipt } from '../wire/bunker.ts'
import { fromBase64url } from '../wire/bytes.ts'
import type { EnclaveIdentity } from '../wire/identity.ts'
import { isSameLife } from './lives.ts'

/** A host that holds the signer's secret, and is what the trust policy accepts. `provedAt`: the time (ms) of its document. */
export type HostOfSigner = Readonly<{
  identity: EnclaveIdentity
  receipt: BunkerReceipt
  document: VerifiedDocument
  provedAt: number
}>

type Judging = Readonly<{ trust: TrustPolicy; now: number; maxAge: number }>

/**
 * Does an enclave of an accepted image hold this signer's secret? Its document, judged at its own time, proves V, and V signed the
 * receipt in the same life. Both are at most `maxAge` (ms) old. Throws `attestation.invalid`, or `receipt.invalid`.
 */
export async function verifyHostOfSigner(
  signer: NostrKey,
  { receipt, attested }: BunkerAttestation,
  { trust, now, maxAge }: Judging,
): Promise<HostOfSigner> {
  const { identity, presence } = attested
  const document = fromBase64url(attested.document)
  const { timestamp } = await verifyPastDocument(document, { policy: trust, now })
  if (now - timestamp > maxAge) throw new Refusal('attestation.invalid')
  const expected = { identity, presence, document, policy: trust, nonce: null, now: timestamp }
  const verified = await verifyAttestedIdentity(expected)
  const { body } = receipt
  const isFresh = body.saidAt <= now + CLOCK_SKEW && now - body.saidAt <= maxAge
  const isOfHost =
    isSameLife(body.life, presence.life) && (await verifyBody(identity.signKey, 'bunker-receipt', receipt))
  if (body.signer !== signer || !isFresh || !isOfHost) throw new Refusal('receipt.invalid')
  return { identity, receipt, document: verified, provedAt: timestamp }
}

/**
 * Verifies an event by which a signer shows that an enclave holds its secret: the signer signed it, and the host in it proves itself and holds
 * the secret. Gives the signer and the host. Throws `nostr.event_invalid`, `nostr.event_unsigned`, `attestation.invalid` or `receipt.invalid`.
 */
export async function verifyAttestationEvent(
  mpc: Mpc,
  event: unknown,
  judging: Judging,
): Promise<Readonly<{ signer: NostrKey; host: HostOfSigner }>> {
  const read = SignedEvent.safeParse(event)
  const attestation = read.success ? readAttestation(read.data) : null
  if (!read.success || attestation === null) throw new Refusal('nostr.event_invalid')
  if (!isSigned(mpc, read.data)) throw new Refusal('nostr.event_unsigned')
  const signer = read.data.pubkey
  return { signer, host: await verifyHostOfSigner(signer, attestation, judging) }
}
