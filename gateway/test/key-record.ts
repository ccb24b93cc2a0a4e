import { createSigner, digestOf, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import type { SchemeName } from '@quorate/shared/schemes/table'
import { Digest, EnclaveId, KeyId, SealKey, SignKey, UserId } from '@quorate/shared/wire/ids'
import type { Grant } from '@quorate/shared/wire/consent'
import type { RegistrationReceipt, Skeleton } from '@quorate/shared/wire/keygen'
import type { Certificate, CertificateBody } from '@quorate/shared/wire/certificate'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { KeyRecord } from '../src/engine/ports.ts'

/*
 * Keys as enclaves would certify them: every signature in them verifies, only the threshold cryptography is missing,
 * into which the gateway cannot look.
 */

const seed = (text: string) => Uint8Array.from(Buffer.from(text.padEnd(32, '.')).subarray(0, 32))
export const hostSigner = (enclaveId: string): Promise<Signer> => createSigner(seed(`host ${enclaveId}`))
export const authSigner = (userId: string): Promise<Signer> => createSigner(seed(`auth ${userId}`))

export async function identityOf(enclaveId: string) {
  const { publicKey } = await hostSigner(enclaveId)
  return {
    version: 1 as const,
    enclaveId: EnclaveId.parse(enclaveId),
    epoch: 1,
    sealKey: SealKey.parse(`02${toHex(publicKey)}`),
    signKey: SignKey.parse(toHex(publicKey)),
  }
}

export type GrantTerms = Omit<Grant['body']['scope'], 'kind'> & { expiresAt: number }

export type KeyShape = {
  keyId?: KeyId
  users?: readonly string[]
  enclaves?: readonly string[]
  threshold?: number
  scheme?: SchemeName
  /** By user id. */
  grants?: Readonly<Record<string, GrantTerms>>
}

export async function skeletonFor(shape: KeyShape = {}): Promise<Skeleton> {
  const users = shape.users ?? ['alice', 'bob', 'carol']
  const enclaves = shape.enclaves ?? ['enclave-0', 'enclave-1', 'enclave-2']
  const identities = await Promise.all(enclaves.map(identityOf))
  return {
    version: 1,
    keyId: shape.keyId ?? KeyId.parse('ab'.repeat(16)),
    scheme: shape.scheme ?? 'frost-secp256k1-tr',
    threshold: shape.threshold ?? 2,
    participants: users.map((userId, at) => ({
      userId: UserId.parse(userId),
      index: at + 1,
      host: { kind: 'enclave', identity: identities[at % identities.length]! },
    })),
    policy: { content: ['bytes', 'nostr-event'] },
    readerKey: SignKey.parse('11'.repeat(32)),
    expiresAt: 4_000_000_000_000,
  }
}

async function grantFor(skeleton: Skeleton, index: number, { expiresAt, ...terms }: GrantTerms): Promise<Grant> {
  return signBody(await authSigner(skeleton.participants[index - 1]!.userId), 'consent', {
    skeletonDigest: digestOf('skeleton', skeleton),
    index,
    scope: { kind: 'standing', ...terms },
    decision: 'approve',
    reason: null,
    givenAt: 1,
    expiresAt,
  })
}

export async function receiptFor(
  skeleton: Skeleton,
  index: number,
  terms: GrantTerms | null,
): Promise<RegistrationReceipt> {
  const { userId, host } = skeleton.participants[index - 1]!
  const { publicKey } = await authSigner(userId)
  return signBody(await hostSigner(host.identity.enclaveId), 'registration-receipt', {
    skeletonDigest: Digest.parse(digestOf('skeleton', skeleton)),
    userId,
    index,
    authKey: SignKey.parse(toHex(publicKey)),
    grant: terms && (await grantFor(skeleton, index, terms)),
  })
}

export function certificateBodyFor(skeleton: Skeleton, registrations: RegistrationReceipt[]): CertificateBody {
  return {
    version: 1,
    roster: { skeleton, registrations },
    groupKey: '22'.repeat(32),
    publicKeys: 'AAAA',
    transcript: Digest.parse('33'.repeat(32)),
    epoch: 0,
    previous: null,
  }
}

/** A completed key, and the digest of its certificate. */
export async function keyRecord(shape: KeyShape = {}): Promise<{ record: KeyRecord; digest: string }> {
  const skeleton = await skeletonFor(shape)
  const registrations = await Promise.all(
    skeleton.participants.map(({ index, userId }) => receiptFor(skeleton, index, shape.grants?.[userId] ?? null)),
  )
  const body = certificateBodyFor(skeleton, registrations)
  const signatures = await Promise.all(
    skeleton.participants.map(async ({ host }) => {
      const { signature } = await signBody(await hostSigner(host.identity.enclaveId), 'certificate', body)
      return signature
    }),
  )
  const certificate: Certificate = { body, signatures }
  const shares = skeleton.participants.map(({ index }) => ({ index, sealed: 'c2hhcmU' }))
  return { record: { certificate, shares }, digest: digestOf('certificate', body) }
}

let drawn = 0

/** A request that verifies, with an id of its own. */
export async function requestFor(
  { record, digest }: { record: KeyRecord; digest: string },
  asker: number,
  more: Partial<SigningRequest['body']> = {},
): Promise<SigningRequest> {
  const { skeleton } = record.certificate.body.roster
  drawn += 1
  const body = {
    signingId: drawn.toString(16).padStart(32, '0') as SigningRequest['body']['signingId'],
    keyId: skeleton.keyId,
    certificateDigest: Digest.parse(digest),
    epoch: 0,
    asker,
    items: [{ type: 'bytes' as const, digest: Digest.parse('44'.repeat(32)) }],
    sealedDigest: Digest.parse('55'.repeat(32)),
    askedAt: Date.now(),
    expiresAt: Date.now() + 60_000,
    ...more,
  }
  return signBody(await authSigner(skeleton.participants[asker - 1]!.userId), 'request', body)
}

/** A decision on a request that verifies. */
export async function decisionFor(
  { record }: { record: KeyRecord },
  request: SigningRequest,
  index: number,
  decision: 'approve' | 'reject' = 'approve',
  expiresAt = Date.now() + 60_000,
) {
  const { skeleton } = record.certificate.body.roster
  return signBody(await authSigner(skeleton.participants[index - 1]!.userId), 'consent', {
    skeletonDigest: digestOf('skeleton', skeleton),
    index,
    scope: { kind: 'request' as const, requestDigest: digestOf('request', request.body) },
    decision,
    reason: null,
    givenAt: Date.now(),
    expiresAt,
  })
}
