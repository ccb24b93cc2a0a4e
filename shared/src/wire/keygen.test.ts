import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  factsOf,
  longestKey,
  longestResult,
  misfit,
  mostParticipants,
  schemeNames,
  type SchemeName,
} from '../schemes/table.ts'
import { CertificateBody } from './certificate.ts'
import { GroupKey, KeySignature } from './ids.ts'
import { Skeleton } from './keygen.ts'
import { ReserveBody } from './routes/keygen.ts'

const hex = (bytes: number) => 'ab'.repeat(bytes)
const identity = { version: 1, enclaveId: 'enclave-1', epoch: 1, sealKey: `02${hex(32)}`, signKey: hex(32) }

const skeletonOf = (scheme: SchemeName, threshold: number, participants: number) => ({
  version: 1,
  keyId: hex(16),
  scheme,
  threshold,
  participants: Array.from({ length: participants }, (_, at) => ({
    userId: `user-${at + 1}`,
    index: at + 1,
    host: { kind: 'enclave', identity },
  })),
  policy: { content: ['bytes'] },
  readerKey: hex(32),
  expiresAt: 1,
})

const bodyOf = (scheme: SchemeName, groupKey: string) => {
  const skeleton = skeletonOf(scheme, 2, 2)
  const registrations = skeleton.participants.map(({ userId, index }) => ({
    body: { skeletonDigest: hex(32), userId, index, authKey: hex(32), grant: null },
    signature: hex(64),
  }))
  const roster = { skeleton, registrations }
  return { version: 1, roster, groupKey, publicKeys: '', transcript: hex(32), epoch: 0, previous: null }
}

const sizes = fc.record({ threshold: fc.integer({ min: 1, max: 6 }), participants: fc.integer({ min: 1, max: 6 }) })

describe.each(schemeNames)('a key of %s', (scheme) => {
  const { fits, keyLength } = factsOf(scheme)

  it('is reserved, and has a skeleton, in exactly the sizes that its scheme fits', () => {
    fc.assert(
      fc.property(sizes, ({ threshold, participants }) => {
        const skeleton = skeletonOf(scheme, threshold, participants)
        const users = skeleton.participants.map(({ userId }) => userId)
        for (const parsed of [
          Skeleton.safeParse(skeleton),
          ReserveBody.safeParse({ scheme, threshold, participants: users }),
        ]) {
          const issues = parsed.error?.issues.map(({ message }) => message) ?? []
          expect(issues).toEqual(fits(participants, threshold) ? [] : [misfit])
        }
      }),
    )
  })

  it('has as many participants as its scheme fits, and at most so many as there are in any key', () => {
    for (const participants of [mostParticipants, mostParticipants + 1, 32, 33])
      for (const threshold of [2, participants]) {
        const isFit = fits(participants, threshold)
        expect(Skeleton.safeParse(skeletonOf(scheme, threshold, participants)).success).toBe(isFit)
      }
  })

  it('has a group key of the length of its scheme in its certificate', () => {
    expect(CertificateBody.safeParse(bodyOf(scheme, hex(keyLength))).success).toBe(true)
    for (const length of [0, 1, keyLength - 1, keyLength + 1, 2 * keyLength])
      expect(CertificateBody.safeParse(bodyOf(scheme, hex(length))).success).toBe(false)
  })
})

it('reads keys and signatures in hex of whole bytes, up to the longest of all schemes', () => {
  for (const [schema, longestOne] of [
    [GroupKey, longestKey],
    [KeySignature, longestResult],
  ] as const) {
    for (const text of [hex(longestOne), hex(1)]) expect(schema.safeParse(text).success).toBe(true)
    for (const text of ['', 'a', hex(longestOne + 1), `${hex(2)}a`, 'AB', `${hex(2)}\n`])
      expect(schema.safeParse(text).success).toBe(false)
  }
})
