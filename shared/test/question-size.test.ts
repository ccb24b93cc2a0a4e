import { expect, it } from 'vitest'
import { hostMethods, type HostParams } from '../src/ceremonies/host-methods.ts'
import { encode } from '../src/crypto/cbor.ts'
import { mostParticipants } from '../src/schemes/table.ts'
import { MAX_BODY } from '../src/wire/frame.ts'
import { MAX_SIGNING } from '../src/wire/routes/signing.ts'
import { MAX_ITEMS } from '../src/wire/signing.ts'

/** Bytes of an answer that the SDK takes at most. */
const LONGEST_ANSWER = 4 << 20

const hex = 'f'.repeat(64)
const signature = hex + hex
const late = 8_640_000_000_000_000
const index = 255
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
/** A character of three bytes in UTF-8, which is the most for one that counts as one. */
const text = (length: number): string => '森'.repeat(length)

const lives = times(mostParticipants, hex)
const common = { skeletonDigest: hex, index, reason: text(200), givenAt: late, expiresAt: late }
const request = { kind: 'request', requestDigest: hex }
const approval = { body: { ...common, scope: request, decisions: times(MAX_ITEMS, 'approve'), lives }, signature }
const limit = { count: 1_000_000, seconds: 31_536_000 }
const askers = times(32, text(64))
const content = ['bytes', 'nostr-event', 'ecdh']
const grant = {
  body: { ...common, scope: { kind: 'standing', askers, content, limit }, decision: 'approve' },
  signature,
}

/** A nonce of MuSig2 has 66 bytes, a FROST commitment 5 more; a partial 32, and sealed with the others 16 + 28 more. */
const place = { signingId: 'f'.repeat(32), attempt: 1_000, index }
const words = times(MAX_ITEMS, { commitment: 'x'.repeat(96) })
const life = { id: hex, startedAt: late }
const commitment = { body: { ...place, requestDigest: hex, life, commitments: words }, signature }
const partial = {
  body: { ...place, packageDigest: hex, sealed: 'x'.repeat(Math.ceil((MAX_ITEMS * 40 + 64) / 3) * 4) },
  signature,
}

function largestQuestion(consent: unknown): HostParams<'signing.aggregate'> {
  const items = times(MAX_ITEMS, { type: 'nostr-event', digest: hex })
  const asked = {
    ...{ signingId: place.signingId, keyId: 'f'.repeat(32), certificateDigest: hex, epoch: 1_000, asker: index, items },
    ...{ sealedDigest: hex, lives, askedAt: late, expiresAt: late },
  }
  return {
    ...place,
    request: { body: asked, signature },
    sealedItems: times(MAX_ITEMS, 'x'.repeat(4 * Math.floor(MAX_SIGNING / MAX_ITEMS / 4))),
    consents: times(mostParticipants, consent),
    commitments: times(mostParticipants, commitment),
    partials: times(mostParticipants, partial),
  } as unknown as HostParams<'signing.aggregate'>
}

it.each([
  ['approvals of all participants, each of whom names all lives', approval],
  ['grants of all participants, each to as many askers as there may be', grant],
])('the longest question fits into a frame, with %s', (_, consent) => {
  const params = largestQuestion(consent)
  expect(() => hostMethods['signing.aggregate'].params.parse(params)).not.toThrow()
  expect(encode(['signing.aggregate', params]).length).toBeLessThan(MAX_BODY)
  // As the comment beside the bound counts.
  const bytes = (value: unknown) => encode(value).length
  expect(bytes(consent)).toBeLessThanOrEqual(8_500)
  expect(bytes(commitment)).toBeLessThanOrEqual(11_500)
  expect(bytes(partial)).toBeLessThanOrEqual(5_800)
})

it('a host that refuses says less than one that commits, with what that makes of the results', () => {
  const bytes = (value: unknown) => encode(value).length
  const refusal = { index, code: 'content.not_permitted' }
  const { code } = refusal
  expect(bytes({ code }) + bytes(refusal)).toBeLessThanOrEqual(bytes(words[0]))
})

it('the longest status fits into an answer to the SDK', () => {
  const { request: asked, sealedItems } = largestQuestion(approval)
  const refusals = times(mostParticipants, { index, code: 'content.not_permitted' })
  const measurements = Object.fromEntries(times(16, 0).map((_, pcr) => [String(pcr), 'f'.repeat(96)]))
  const receipt = {
    body: {
      ...{ requestDigest: hex, attempt: 1_000, packageDigest: hex, resultDigest: hex, index, policyDigest: hex },
      ...{ quorum: times(mostParticipants, index), epoch: 1_000, life, measurements, signedAt: late },
    },
    signature,
  }
  const status = {
    ...{ signingId: place.signingId, keyId: place.signingId, version: 1_000, state: 'completed', expiresAt: late },
    ...{ attempt: 1_000, request: asked, sealedItems, items: times(MAX_ITEMS, 'approved'), failure: null },
    approvals: times(mostParticipants, approval),
    quorum: times(mostParticipants, index),
    results: times(MAX_ITEMS, { code: 'signing.disputed', refusals }),
    receipts: times(mostParticipants, receipt),
  }
  expect(new TextEncoder().encode(JSON.stringify(status)).length).toBeLessThan(LONGEST_ANSWER)
})
