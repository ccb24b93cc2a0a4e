import { encode } from '@quorate/shared/crypto/cbor'
import { sealItem } from '@quorate/shared/crypto/session-items'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { sealWith } from '@quorate/shared/crypto/aead'
import { sealedDigest } from '@quorate/shared/verify/items'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { Content } from '@quorate/shared/contents/table'
import type { Item } from '@quorate/shared/wire/content'
import { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { ItemRefusal, RequestBody } from '@quorate/shared/wire/signing'
import { bytesItem, random, type Plan } from './people.ts'

/*
 * Items that an asker spoils. The asker signs for them as they are, so that nobody on the way is to blame.
 */

type Named = RequestBody['items'][number]
type Place = Readonly<{ secret: Uint8Array; signingId: SigningId; at: number }>
type Spoilt = Readonly<{ named: Named; sealed: string }>
export type ItemMaker = (place: Place) => Spoilt

const digestFor = ({ secret, signingId, at }: Place, item: unknown): Digest =>
  Digest.parse(toHex(itemDigest(secret, signingId, at, item)))
const seal = ({ secret, signingId, at }: Place, item: Item): string =>
  toBase64url(sealItem(secret, signingId, at, item))

/** An item as it should be. */
export const sound =
  (item: Item): ItemMaker =>
  (place) => ({ named: { type: item.content.type, digest: digestFor(place, item) }, sealed: seal(place, item) })

/** What is sealed is not an item: any bytes. */
function sealedBytes({ secret, signingId, at }: Place, plaintext: Uint8Array): string {
  return toBase64url(sealWith(deriveKey(secret, 'message', signingId, at), ['item', signingId, at], plaintext))
}

const item = bytesItem('spoilt')
const spoil =
  (change: (place: Place, honest: Spoilt) => Partial<Spoilt>): ItemMaker =>
  (place) => {
    const honest = sound(item)(place)
    return { ...honest, ...change(place, honest) }
  }
const event: Content = { type: 'nostr-event', event: { created_at: 1, kind: 1, tags: [], content: '' } }

const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
const sealedMode = (place: Place, mode: unknown): string => sealedBytes(place, encode({ content: item.content, mode }))
const tweaked = (tweak: string) => (place: Place) => ({
  sealed: sealedMode(place, { kind: 'tweak', xonly: false, tweak }),
})

/** One of each kind of item that no host of a key for `bytes` signs, and why. */
export const badItems: readonly (readonly [string, ItemRefusal, ItemMaker])[] = [
  ['that is no sealed message', 'seal.invalid', spoil(() => ({ sealed: toBase64url(new Uint8Array(64)) }))],
  [
    'sealed for another place',
    'seal.invalid',
    spoil((place) => ({ sealed: seal({ ...place, at: place.at + 1 }, item) })),
  ],
  ['that is no CBOR', 'content.invalid', spoil((place) => ({ sealed: sealedBytes(place, Uint8Array.of(255)) }))],
  [
    'of a content that does not exist',
    'content.invalid',
    spoil((place) => ({ sealed: sealedBytes(place, encode({ content: { type: 'digest' }, mode: item.mode })) })),
  ],
  [
    'with other content than was named',
    'content.mismatch',
    spoil((place) => ({ sealed: seal(place, bytesItem('?')) })),
  ],
  [
    'of another type than was named',
    'content.mismatch',
    spoil((_, { named }) => ({ named: { ...named, type: 'nostr-event' } })),
  ],
  [
    'of a type that the key does not permit',
    'content.not_permitted',
    sound({ content: event, mode: { kind: 'plain' } }),
  ],
  ['with a tweak of zero', 'tweak.invalid', spoil(tweaked('00'.repeat(32)))],
  ['with a tweak that is the order of the curve', 'tweak.invalid', spoil(tweaked(order))],
  ['with a tweak of 31 bytes', 'tweak.invalid', spoil(tweaked('01'.repeat(31)))],
  ['with no tweak where its mode has one', 'tweak.invalid', spoil(tweaked(''))],
  [
    'with a Merkle root of 31 bytes',
    'tweak.invalid',
    spoil((place) => ({ sealed: sealedMode(place, { kind: 'taproot', merkleRoot: '01'.repeat(31) }) })),
  ],
  [
    'with an adaptor that cannot be read',
    'adaptor.invalid',
    spoil((place) => ({ sealed: sealedBytes(place, encode({ ...item, adaptor: { kind: 'one', point: '' } })) })),
  ],
  [
    'with an adaptor, of a key whose scheme has none',
    'adaptor.unsupported',
    sound({ ...item, adaptor: { kind: 'one', point: `02${'01'.repeat(32)}` } }),
  ],
]

/** A request by `asker` for these items, and its sealed items. */
export async function askFor(
  plan: Pick<Plan, 'clock' | 'skeleton' | 'sessionSecret' | 'signers'>,
  key: { digest: Digest; epoch?: number },
  asker: number,
  makers: readonly ItemMaker[],
  expiresAt: number,
) {
  const signingId = SigningId.parse(random(16))
  const made = makers.map((make, at) => make({ secret: plan.sessionSecret, signingId, at }))
  const sealedItems = made.map(({ sealed }) => sealed)
  const body: RequestBody = {
    signingId,
    keyId: plan.skeleton.keyId,
    certificateDigest: key.digest,
    epoch: key.epoch ?? 0,
    asker,
    items: made.map(({ named }) => named),
    sealedDigest: sealedDigest(sealedItems),
    askedAt: plan.clock.now + 1,
    expiresAt,
  }
  const request = await signBody(plan.signers.get(asker)!, 'request', body)
  return { request, sealedItems, requestDigest: digestOf('request', body) }
}
