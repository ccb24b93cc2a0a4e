import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { verifyAttestedIdentity, type VerifiedDocument } from '@quorate/shared/attestation/verify'
import { digestOf } from '@quorate/shared/crypto/sign'
import { fromBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { AttestedIdentity, EnclaveIdentity, Presence } from '@quorate/shared/wire/identity'
import type { Client } from './http/client.ts'
import { refuse } from './errors.ts'
import type { HostLives } from './host-lives.ts'
import { randomBytes } from './random.ts'

/**
 * An enclave that has proved itself: who it is, what its document says it runs, and what it attests beside: its life, what its key
 * service claims, and which manifest it has taken.
 */
export type Attested = Readonly<{ identity: EnclaveIdentity; presence: Presence; document: VerifiedDocument }>

export type Attestor = Readonly<{
  /** Asks the enclave of this name who it is. */
  ask: (enclaveId: string, signal?: AbortSignal) => Promise<Attested>
  /** The enclave must be exactly this one. Remembered for a while by the digest of the identity. */
  prove: (identity: EnclaveIdentity, signal?: AbortSignal) => Promise<Attested>
}>

export type AttestorOptions = Readonly<{
  client: Client
  trust: TrustPolicy
  now: () => number
  lives: HostLives
  /** Milliseconds for which a proved identity need not prove itself again; 0: each time. */
  remember: number
}>

/**
 * Checks an answer to our nonce: a document that this trust policy accepts and that proves the identity beside it, which is
 * the one expected. Throws `attestation.invalid`.
 */
async function acceptIdentity(
  answer: AttestedIdentity,
  expected: EnclaveIdentity | null,
  { trust, nonce, now }: Readonly<{ trust: TrustPolicy; nonce: Uint8Array | null; now: number }>,
): Promise<Attested> {
  const { identity, presence } = answer
  if (expected !== null && digestOf('identity', identity) !== digestOf('identity', expected))
    return refuse('attestation.invalid')
  const bytes = fromBase64url(answer.document)
  const document = await verifyAttestedIdentity({ identity, presence, document: bytes, policy: trust, nonce, now })
  return { identity, presence, document }
}

/** Whom this client has seen proved. Failures are not remembered; what is asked twice at a time is asked once. */
export function createAttestor({ client, trust, now, lives, remember }: AttestorOptions): Attestor {
  const proved = new Map<string, Readonly<{ attested: Promise<Attested>; until: number }>>()

  const challenge = async (enclaveId: string, expected: EnclaveIdentity | null, signal?: AbortSignal) => {
    const nonce = randomBytes(32)
    const query = { nonce: toHex(nonce) }
    const answer = await client.call('getAttestation', { params: { enclaveId }, query, signal })
    if (answer.identity.enclaveId !== enclaveId) return refuse('attestation.invalid')
    const attested = await acceptIdentity(answer, expected, { trust, nonce, now: now() })
    lives.see(attested.identity, attested.presence.life, attested.document.timestamp)
    return attested
  }

  const prove = (identity: EnclaveIdentity, signal?: AbortSignal): Promise<Attested> => {
    const digest = digestOf('identity', identity)
    const known = proved.get(digest)
    if (known !== undefined && known.until > now()) return known.attested
    const attested = challenge(identity.enclaveId, identity, signal)
    const entry = { attested, until: now() + remember }
    proved.set(digest, entry)
    attested.catch(() => {
      if (proved.get(digest) === entry) proved.delete(digest)
    })
    return attested
  }
  return { ask: (enclaveId, signal) => challenge(enclaveId, null, signal), prove }
}
