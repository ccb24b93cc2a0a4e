import { createSigner, digestOf, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import { Digest, EnclaveId, KeyId, SealKey, SignKey, UserId } from '@quorate/shared/wire/ids'
import type { RegistrationReceipt, Skeleton } from '@quorate/shared/wire/keygen'
import type { KeyRecord } from '../src/engine/ports.ts'

/*
 * A key for the store, which looks into no cryptography: every signature in it verifies, and there is no share behind it.
 */

const users = ['alice', 'bob', 'carol']
const seed = (text: string) => Uint8Array.from(Buffer.from(text.padEnd(32, '.')).subarray(0, 32))
const hostSigner = (at: number): Promise<Signer> => createSigner(seed(`host ${at}`))

async function participantOf(user: string, at: number): Promise<Skeleton['participants'][number]> {
  const { publicKey } = await hostSigner(at)
  const key = toHex(publicKey)
  const [enclaveId, sealKey, signKey] = [
    EnclaveId.parse(`enclave-${at}`),
    SealKey.parse(`02${key}`),
    SignKey.parse(key),
  ]
  const identity = { version: 1 as const, enclaveId, epoch: 1, sealKey, signKey }
  return { userId: UserId.parse(user), index: at + 1, host: { kind: 'enclave', identity } }
}

async function receiptFor(skeleton: Skeleton, at: number): Promise<RegistrationReceipt> {
  const { userId, index } = skeleton.participants[at]!
  const { publicKey } = await createSigner(seed(`auth ${userId}`))
  return signBody(await hostSigner(at), 'registration-receipt', {
    skeletonDigest: digestOf('skeleton', skeleton),
    userId,
    index,
    authKey: SignKey.parse(toHex(publicKey)),
    grant: null,
  })
}

/** A completed key of three. */
export async function keyRecord(): Promise<KeyRecord> {
  const skeleton: Skeleton = {
    version: 1,
    keyId: KeyId.parse('ab'.repeat(16)),
    scheme: 'frost-secp256k1-tr',
    threshold: 2,
    participants: await Promise.all(users.map(participantOf)),
    policy: { content: ['bytes'] },
    readerKey: SignKey.parse('11'.repeat(32)),
    expiresAt: 4_000_000_000_000,
  }
  const body: CertificateBody = {
    version: 1,
    roster: { skeleton, registrations: await Promise.all(users.map((_, at) => receiptFor(skeleton, at))) },
    groupKey: '22'.repeat(32),
    publicKeys: 'AAAA',
    transcript: Digest.parse('33'.repeat(32)),
    epoch: 0,
    previous: null,
  }
  const signed = await Promise.all(users.map(async (_, at) => signBody(await hostSigner(at), 'certificate', body)))
  return {
    certificate: { body, signatures: signed.map(({ signature }) => signature) },
    shares: users.map((_, at) => ({ index: at + 1, sealed: 'c2hhcmU' })),
  }
}
