import { expect } from 'vitest'
import { publicKeysFrom, referees } from './published.ts'
import { having, makeKey, publicKeysOf, quorumsOf, sign, useOf, type Key } from './run.ts'
import { expectInvalid, sizesOf, type Subject } from './subject.ts'
import { resized } from './spoils.ts'

const secretKey = new Uint8Array(32).fill(7)

/** A whole key comes into shares, every quorum of which signs under the public key that it had. The secret is borrowed. */
export function dealsWholeKeys(subject: Subject): void {
  const { scheme, facts } = subject
  const deal = having(scheme.make.deal)
  const publicKey = publicKeysFrom[facts.verification](secretKey)
  for (const [participants, threshold] of sizesOf(subject, 4)) {
    const { shares, publicKeys } = deal({ secretKey, participants, threshold })
    const made = new Map([...shares].map(([index, share]) => [index, { share, publicKeys }]))
    const key: Key = { participants, threshold, made }
    expect(scheme.describe(publicKeys)).toMatchObject({ groupKey: publicKey, threshold })
    for (const [index, one] of made) expect(scheme.isShareOf(index, one)).toBe(true)
    for (const quorum of quorumsOf(key)) {
      const of = useOf(scheme, key, new TextEncoder().encode(`by ${quorum.join()}`))
      expect(referees[facts.verification]({ ...of, publicKey, signature: sign(scheme, key, quorum, of) })).toBe(true)
    }
  }
  expect(secretKey).toEqual(new Uint8Array(32).fill(7))
  for (const wrong of resized(secretKey)) expectInvalid(() => deal({ secretKey: wrong, participants: 3, threshold: 2 }))
}

/** Public keys that a dealer made are not taken when fewer shares than they say give the key. */
export function needsItsThreshold(subject: Subject): void {
  const { scheme, badShares } = subject
  for (const [participants, threshold] of sizesOf(subject, 4)) {
    const dealt = scheme.make.deal?.({ secretKey, participants, threshold })
    if (dealt !== undefined) expect(scheme.needsThreshold(dealt.publicKeys)).toBe(true)
    expect(scheme.needsThreshold(publicKeysOf(makeKey(scheme, participants, threshold)))).toBe(true)
  }
  for (const lowered of badShares.lowered) expect(scheme.needsThreshold(lowered)).toBe(false)
}
