import { describe, expect, it } from 'vitest'
import { createSigner, digestOf, signBody } from '../crypto/sign.ts'
import { toHex } from '../wire/bytes.ts'
import type { Grant } from '../wire/consent.ts'
import { EnclaveId, KeyId, SealKey, SignKey } from '../wire/ids.ts'
import type { RegistrationReceipt, Skeleton } from '../wire/keygen.ts'
import { verifyRoster } from './roster.ts'

const signerOf = (at: number) => createSigner(new Uint8Array(32).fill(at))
const publicOf = async (at: number) => SignKey.parse(toHex((await signerOf(at)).publicKey))

/** The host of participant k signs by key k, its participant by key 10 + k. */
async function skeletonOf(keyId: string): Promise<Skeleton> {
  const participants = [1, 2].map(async (index) => ({
    userId: `user-${index}`,
    index,
    host: {
      kind: 'enclave' as const,
      identity: {
        version: 1 as const,
        enclaveId: EnclaveId.parse(`enclave-${index}`),
        epoch: 1,
        sealKey: SealKey.parse(`02${'11'.repeat(32)}`),
        signKey: await publicOf(index),
      },
    },
  }))
  return {
    version: 1,
    keyId: KeyId.parse(keyId.repeat(16)),
    scheme: 'frost-ed25519',
    threshold: 2,
    participants: await Promise.all(participants),
    policy: { content: ['bytes'] },
    readerKey: await publicOf(9),
    expiresAt: 1,
  }
}

const skeleton = await skeletonOf('ab')
const grantBy = async (signer: number, of = skeleton, index = 2): Promise<Grant> =>
  signBody(await signerOf(signer), 'consent', {
    skeletonDigest: digestOf('skeleton', of),
    index,
    scope: { kind: 'standing', askers: ['user-1'], content: ['bytes'], limit: { count: 1, seconds: 1 } },
    decision: 'approve',
    reason: null,
    givenAt: 1,
    expiresAt: 2,
  })

/** What the host of this participant receipts, whatever it was given. */
const receiptOf = async (index: number, grant: Grant | null): Promise<RegistrationReceipt> =>
  signBody(await signerOf(index), 'registration-receipt', {
    skeletonDigest: digestOf('skeleton', skeleton),
    userId: `user-${index}`,
    index,
    authKey: await publicOf(10 + index),
    grant,
  })
const rosterWith = async (grant: Grant | null) => ({
  skeleton,
  registrations: [await receiptOf(1, null), await receiptOf(2, grant)],
})

describe('a roster', () => {
  it('holds grants, each by the auth key that was registered with it', async () => {
    for (const roster of [await rosterWith(null), await rosterWith(await grantBy(12))])
      expect(await verifyRoster(roster)).toBe(digestOf('roster', roster))
  })

  it.each<[string, () => Promise<Grant>]>([
    ['its host', () => grantBy(2)],
    ['another participant', () => grantBy(11)],
    ['its owner for another key', async () => grantBy(12, await skeletonOf('cd'))],
    ['its owner for another share', () => grantBy(12, skeleton, 1)],
  ])('is refused with a grant by %s, though the host has receipted it', async (_, grant) => {
    const refused = { code: 'keygen.roster_mismatch', culprits: [2] }
    await expect(verifyRoster(await rosterWith(await grant()))).rejects.toMatchObject(refused)
  })

  it('accuses nobody of what a host has not signed, for this place, or of a key that two have registered', async () => {
    const [one, two] = (await rosterWith(null)).registrations as [RegistrationReceipt, RegistrationReceipt]
    const twin = await signBody(await signerOf(2), 'registration-receipt', { ...two.body, authKey: one.body.authKey })
    const refused = { code: 'keygen.roster_mismatch', culprits: [] }
    for (const registrations of [
      [one, one],
      [two, one],
      [one, { ...two, signature: one.signature }],
      [one, twin],
    ])
      await expect(verifyRoster({ skeleton, registrations })).rejects.toMatchObject(refused)
  })
})
