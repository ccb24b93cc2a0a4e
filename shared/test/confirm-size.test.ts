import { expect, it } from 'vitest'
import { hostMethods, type HostParams } from '../src/ceremonies/host-methods.ts'
import { encode } from '../src/crypto/cbor.ts'
import { mostParticipants } from '../src/schemes/table.ts'
import { MAX_BODY } from '../src/wire/frame.ts'
import { MAX_ITEMS } from '../src/wire/signing.ts'

const hex = 'f'.repeat(64)
const signature = hex + hex
const late = 8_640_000_000_000_000
const index = 255
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
/** A character of three bytes in UTF-8, which is the most for one that counts as one. */
const text = (length: number): string => '森'.repeat(length)

/** Bytes that a body over REST has at most: the request and its items have come in one. */
const REQUEST = 256 << 10

const lives = times(mostParticipants, hex)
const common = { skeletonDigest: hex, index, reason: text(200), givenAt: late, expiresAt: late }
const request = { kind: 'request', requestDigest: hex }
const approval = { body: { ...common, scope: request, decision: 'approve', lives }, signature }
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

function largestConfirm(consent: unknown): HostParams<'signing.confirm'> {
  const items = times(MAX_ITEMS, { type: 'nostr-event', digest: hex })
  const asked = {
    ...{ signingId: place.signingId, keyId: 'f'.repeat(32), certificateDigest: hex, epoch: 1_000, asker: index, items },
    ...{ sealedDigest: hex, lives, askedAt: late, expiresAt: late },
  }
  return {
    ...place,
    request: { body: asked, signature },
    sealedItems: times(MAX_ITEMS, 'x'.repeat(REQUEST / MAX_ITEMS)),
    consents: times(mostParticipants, consent),
    commitments: times(mostParticipants, commitment),
    partials: times(mostParticipants, partial),
    results: times(MAX_ITEMS, { sealedSignature: 'x'.repeat(200) }),
  } as unknown as HostParams<'signing.confirm'>
}

it.each([
  ['approvals of all participants, each of whom names all lives', approval],
  ['grants of all participants, each to as many askers as there may be', grant],
])('the longest question fits into a frame, with %s', (_, consent) => {
  const params = largestConfirm(consent)
  expect(() => hostMethods['signing.confirm'].params.parse(params)).not.toThrow()
  expect(encode(['signing.confirm', params]).length).toBeLessThan(MAX_BODY)
  // As the comment beside the bound counts.
  const bytes = (value: unknown) => encode(value).length
  expect(bytes(consent)).toBeLessThanOrEqual(7_900)
  expect(bytes(commitment)).toBeLessThanOrEqual(2_300)
  expect(bytes(partial)).toBeLessThanOrEqual(1_400)
})
