import { Refusal } from '@quorate/shared/errors'
import { createSigner, digestOf, signBody } from '@quorate/shared/crypto/sign'
import { packageDigest } from '@quorate/shared/verify/quorum'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Digest, KeyId, SigningId } from '@quorate/shared/wire/ids'
import type { RoundOne, RoundTwo, Skeleton } from '@quorate/shared/wire/keygen'
import type { FreshCommitment, Partial as PartialWord } from '@quorate/shared/wire/signing'
import { describe, expect, it } from 'vitest'
import type { SigningSession } from '../courses/signing-terms.ts'
import { verifyMessage, verifyPackages } from './keygen.ts'
import { createSigningAid } from './signing.ts'
import type { Tools } from './tools.ts'

/*
 * Hosts accuse nobody of what is not signed, since it may have been changed on its way. So the gateway, to whom it comes first, names
 * who does not sign its own word.
 */

const signers = await Promise.all([1, 2, 3].map((at) => createSigner(new Uint8Array(32).fill(at))))
const skeleton = {
  keyId: 'k' as KeyId,
  participants: signers.map(({ publicKey }, at) => ({
    index: at + 1,
    host: { identity: { signKey: toHex(publicKey) } },
  })),
} as unknown as Skeleton
const [one, two] = signers as [(typeof signers)[0], (typeof signers)[0]]
const refusal = (code: string) => ({ code, culprits: [1] })

describe('a host in a DKG', () => {
  const frame = { skeleton, ceremony: 'd' as Digest, attempt: 1 }
  const body: RoundOne['body'] = { keyId: skeleton.keyId, ceremony: frame.ceremony, attempt: 1, from: 1, package: 'cA' }
  const messages = [{ body, signature: 's' }]
  const packageTo = (to: number, change: object = {}): RoundTwo['body'] => ({
    ...{ keyId: body.keyId, ceremony: frame.ceremony, attempt: 1, from: 1, to, sealed: 'cA' },
    transcript: digestOf('transcript', messages),
    ...change,
  })

  it('is named for a message that it did not sign, or signed for something else', async () => {
    await verifyMessage(frame, 1, await signBody(one, 'round-one', body))
    for (const message of [
      await signBody(two, 'round-one', body),
      await signBody(one, 'round-two', body),
      await signBody(one, 'round-one', { ...body, attempt: 2 }),
      await signBody(one, 'round-one', { ...body, from: 2 }),
      await signBody(one, 'round-one', { ...body, ceremony: 'e' as Digest }),
    ])
      await expect(verifyMessage(frame, 1, message)).rejects.toMatchObject(refusal('keygen.bad_package'))
  })

  it('is named for packages that are short, not signed, or over another round one than it was shown', async () => {
    const sends = (signer: typeof one, bodies: RoundTwo['body'][]) =>
      Promise.all(bodies.map((each) => signBody(signer, 'round-two', each)))
    const verify = (packages: RoundTwo[]) => verifyPackages(frame, 1, messages, packages)
    await verify(await sends(one, [packageTo(2), packageTo(3)]))
    for (const packages of [
      await sends(one, [packageTo(2)]),
      await sends(one, [packageTo(2), packageTo(2)]),
      await sends(two, [packageTo(2), packageTo(3)]),
      await sends(one, [packageTo(2), packageTo(3, { transcript: 'other' })]),
    ])
      await expect(verify(packages)).rejects.toMatchObject(refusal('keygen.bad_package'))
  })
})

describe('a host in a signing', () => {
  const verified = { certificate: { roster: { skeleton } } } as unknown as VerifiedKey
  const aid = createSigningAid({ keys: { load: () => Promise.resolve({ verified }) } } as unknown as Tools)
  const [signingId, requestDigest] = ['s' as SigningId, 'r' as Digest]
  const s = {
    keyId: skeleton.keyId,
    attempt: 1,
    own: { requestDigest, request: { body: { signingId } } },
  } as unknown as SigningSession
  const frame = { signingId, attempt: 1, index: 1 }
  const life = { id: 'l', startedAt: 0 }

  it('is named for a commitment that it did not sign for this attempt', async () => {
    const body: FreshCommitment['body'] = { ...frame, requestDigest, life, commitments: [{ code: 'seal.invalid' }] }
    const verify = (commitment: FreshCommitment) =>
      aid.verify!.commit!(s, {} as never, { index: 1, says: { commitment } })
    await verify(await signBody(one, 'commitment', body))
    for (const commitment of [
      await signBody(two, 'commitment', body),
      await signBody(one, 'commitment', { ...body, attempt: 2 }),
      await signBody(one, 'commitment', { ...body, index: 2 }),
    ])
      await expect(verify(commitment)).rejects.toMatchObject(refusal('signing.bad_commitment'))
  })

  it('is named for a partial that it did not sign for this package, once another refuses that', async () => {
    const none = { commitments: [], consents: [] }
    const body: PartialWord['body'] = {
      ...{ ...frame, sealed: 'cA' },
      packageDigest: packageDigest({ signingId, requestDigest, attempt: 1, ...none }),
    }
    const others = await signBody(two, 'partial', { ...body, index: 2 })
    const refused = new Refusal('signing.misdelivered')
    const read = (partial: PartialWord) => {
      const given = { ...none, partials: [partial, others] }
      const stage = { name: 'asking', round: 'aggregate', quorum: [1, 2], given }
      return aid.reads!({ ...s, stage } as unknown as SigningSession, refused)
    }
    expect(await read(await signBody(one, 'partial', body))).toBe(refused)
    for (const partial of [
      await signBody(two, 'partial', body),
      await signBody(one, 'partial', { ...body, packageDigest: requestDigest }),
      await signBody(one, 'partial', { ...body, attempt: 2 }),
    ])
      expect(await read(partial)).toMatchObject(refusal('signing.bad_partial'))
  })
})
