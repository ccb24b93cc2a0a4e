import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { getConversationKey } from 'nostr-tools/nip44'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../src/index.ts'
import { dkg, each, indices, quorums, refresh, type Key } from './ceremony.ts'
import { scalar } from './encoding.ts'
import { expectFailure } from './failing.ts'

const mpc = await loadMpc()
const { ecdh } = mpc
const tr = mpc.frost('frost-secp256k1-tr')
const { Point } = secp256k1
const { Fn } = Point

/** No point has an x of 5. */
const NOT_ON_CURVE = Uint8Array.of(2, ...new Uint8Array(31), 5)

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const even = (groupKey: Uint8Array) => Uint8Array.of(2, ...groupKey)
const flip = (bytes: Uint8Array, at: number) => bytes.with(at, bytes[at]! ^ 1)
const ofDealer = (secretKey: Uint8Array, participants: number, threshold: number): Key => {
  const { shares, publicKeys } = tr.dealerSplit({ secretKey, participants, threshold })
  return { shares, publicKeys: each(shares.keys(), () => publicKeys) }
}

/** What a quorum hands to `combine`, each with a message of its own. */
function contributions(key: Key, quorum: number[], peer: Uint8Array) {
  const messages = each(quorum, () => random(32))
  const partials = each(quorum, (index) =>
    ecdh.partial({ share: key.shares.get(index)!, peer, message: messages.get(index)! }),
  )
  return { publicKeys: key.publicKeys.get(quorum[0]!)!, peer, messages, partials }
}

const shared = (key: Key, quorum: number[], peer: Uint8Array) => ecdh.combine(contributions(key, quorum, peer))

/** The secret of the whole key, put together by the referee from participants 1…threshold. */
function wholeSecret(key: Key, threshold: number): bigint {
  const sum = indices(threshold).reduce((total, i) => {
    const others = indices(threshold).filter((j) => j !== i)
    const factor = others.reduce((value, j) => Fn.mul(value, Fn.div(BigInt(j), Fn.create(BigInt(j - i)))), 1n)
    return total + Fn.mul(Fn.fromBytes(key.shares.get(i)!.slice(37, 69)), factor)
  }, 0n)
  return Fn.create(sum)
}

describe.each([
  [2, 3],
  [3, 5],
])('%i of %i', (threshold, n) => {
  const all = quorums(n, threshold)

  it.each([
    ['a DKG', () => dkg(tr, n, threshold)],
    ['an import', () => ofDealer(random(32), n, threshold)],
    ['two refreshes', () => [1, 2].reduce((key) => refresh(tr, key, indices(n), threshold), dkg(tr, n, threshold))],
    ['a refresh of an import', () => refresh(tr, ofDealer(random(32), n, threshold), indices(n), threshold)],
  ])('every quorum gets the point of the whole key, after %s', (_, make) => {
    const key = make()
    const secret = wholeSecret(key, threshold)
    const { groupKey } = tr.describe({ publicKeys: key.publicKeys.get(1)! })
    expect(Point.BASE.multiply(secret).toBytes(true)).toEqual(even(groupKey))
    const peer = secp256k1.getPublicKey(random(32), true)
    const expected = Point.fromBytes(peer).multiply(secret).toBytes(true)
    for (const quorum of all) expect(shared(key, quorum, peer)).toEqual(expected)
  })

  it.each([2, 3])('an imported key whose Y begins with %i has the x that it had alone', (sign) => {
    let secretKey = random(32)
    while (secp256k1.getPublicKey(secretKey, true)[0] !== sign) secretKey = random(32)
    const peerSecret = random(32)
    const peer = secp256k1.getPublicKey(peerSecret, true)
    const point = secp256k1.getSharedSecret(secretKey, peer, true)
    for (const quorum of all) {
      const ours = shared(ofDealer(secretKey, n, threshold), quorum, peer)
      expect(ours.slice(1)).toEqual(point.slice(1))
      expect(ours).toEqual(secp256k1.getSharedSecret(peerSecret, even(schnorr.getPublicKey(secretKey)), true))
    }
  })

  it('nostr-tools has the same conversation key (NIP-44) on either side', () => {
    const [secretKey, peerSecret] = [random(32), random(32)]
    const peer = schnorr.getPublicKey(peerSecret)
    const imported = ofDealer(secretKey, n, threshold)
    const made = dkg(tr, n, threshold)
    const conversationKey = (key: Key, quorum: number[]) =>
      extract(sha256, shared(key, quorum, even(peer)).slice(1), new TextEncoder().encode('nip44-v2'))
    const groupKey = (key: Key) => bytesToHex(tr.describe({ publicKeys: key.publicKeys.get(1)! }).groupKey)
    for (const quorum of all) {
      expect(conversationKey(imported, quorum)).toEqual(getConversationKey(secretKey, bytesToHex(peer)))
      expect(conversationKey(imported, quorum)).toEqual(getConversationKey(peerSecret, groupKey(imported)))
      expect(conversationKey(made, quorum)).toEqual(getConversationKey(peerSecret, groupKey(made)))
    }
  })
})

const key = dkg(tr, 5, 3)
const other = dkg(tr, 5, 3)
const peer = secp256k1.getPublicKey(random(32), true)
const honest = contributions(key, [1, 2, 4, 5], peer)
const { publicKeys, messages, partials } = honest
const own = (index: number, change: { share?: Uint8Array; peer?: Uint8Array; message?: Uint8Array } = {}) =>
  ecdh.partial({ share: key.shares.get(index)!, peer, message: messages.get(index)!, ...change })
const point = (index: number) => partials.get(index)!.slice(0, 33)
const proof = (index: number) => partials.get(index)!.slice(33)

describe('a cheat is named who', () => {
  /** These partials are wrong, and the others, which nobody touched, are not. */
  function expectNamed(forged: Record<number, Uint8Array>) {
    const culprits = Object.keys(forged).map(Number)
    const sent = each([1, 2, 4, 5], (index) => forged[index] ?? partials.get(index)!)
    expectFailure(() => ecdh.combine({ ...honest, partials: sent }), 'bad_partial', culprits)
    for (const [index, partial] of sent) {
      const given = { publicKeys, index, peer, message: messages.get(index)!, partial }
      expect(ecdh.verifyPartial(given)).toBe(!culprits.includes(index))
    }
  }
  const negated = (index: number) => Point.fromBytes(point(index)).negate().toBytes(true)

  it('uses the share of another key, or of another participant', () => {
    expectNamed({ 2: own(2, { share: other.shares.get(2)! }) })
    expectNamed({ 4: own(4, { share: key.shares.get(5)! }) })
    expectNamed({ 4: own(4, { share: key.shares.get(3)! }) })
  })

  it('answers for another point, or with another message', () => {
    expectNamed({ 2: own(2, { peer: secp256k1.getPublicKey(random(32), true) }) })
    expectNamed({ 2: own(2, { peer: flip(peer, 0) }) })
    expectNamed({ 5: own(5, { message: messages.get(4)! }) })
    expectNamed({ 5: own(5, { message: flip(messages.get(5)!, 31) }) })
  })

  it('swaps proofs, or whole partials', () => {
    expectNamed({ 1: concatBytes(point(1), proof(2)), 2: concatBytes(point(2), proof(1)) })
    expectNamed({ 1: partials.get(2)!, 2: partials.get(1)! })
    expectNamed({ 4: partials.get(5)! })
  })

  it('replays the proof of a point for another one', () => {
    expectNamed({ 2: concatBytes(negated(2), proof(2)) })
    expectNamed({ 2: concatBytes(peer, proof(2)) })
    const before = own(2, { message: random(32) })
    expectNamed({ 2: concatBytes(point(2), before.slice(33)) })
  })

  it('leaves a byte out, adds one, or sends nothing', () => {
    const good = partials.get(4)!
    for (const bytes of [good.slice(0, -1), good.slice(1), Uint8Array.of(...good, 0), point(4), new Uint8Array(0)]) {
      expectNamed({ 4: bytes })
    }
  })

  it('changes any part of the proof, or sends a scalar that is not below the order', () => {
    for (const at of [0, 1, 32, 33, 50, 64, 65, 80, 96]) expectNamed({ 1: flip(partials.get(1)!, at) })
    const s = Fn.fromBytes(proof(1).slice(32))
    for (const bytes of [scalar('frost-secp256k1-tr', Fn.ORDER), new Uint8Array(32), new Uint8Array(32).fill(255)]) {
      expectNamed({ 1: concatBytes(point(1), proof(1).slice(0, 32), bytes) })
    }
    expectNamed({ 1: concatBytes(partials.get(1)!.slice(0, 65), scalar('frost-secp256k1-tr', Fn.neg(s))) })
    expectNamed({ 1: concatBytes(point(1), new Uint8Array(64)) })
  })

  it('sends the identity, no point of the curve, or a point in another form', () => {
    const x = point(2).slice(1)
    expect(() => Point.fromBytes(NOT_ON_CURVE)).toThrow()
    for (const bytes of [
      new Uint8Array(33),
      Uint8Array.of(0),
      NOT_ON_CURVE,
      Uint8Array.of(5, ...x),
      Uint8Array.of(6, ...x),
      Uint8Array.of(2, ...new Uint8Array(32).fill(255)),
      Point.fromBytes(point(2)).toBytes(false),
    ]) {
      expectNamed({ 2: concatBytes(bytes, proof(2)) })
    }
  })

  it('cheats together with all others, each in its own way', () => {
    expectNamed({
      1: own(1, { share: other.shares.get(1)! }),
      2: concatBytes(new Uint8Array(33), proof(2)),
      4: own(4, { peer: secp256k1.getPublicKey(random(32), true) }),
      5: new Uint8Array(0),
    })
  })
})

describe('what no honest caller passes is refused:', () => {
  const some = <V>(map: ReadonlyMap<number, V>, keep: number[]) => each(keep, (index) => map.get(index)!)

  it('fewer partials than the threshold, also when they are wrong', () => {
    const few = { messages: some(messages, [1, 4]), partials: some(partials, [1, 4]) }
    expectFailure(() => ecdh.combine({ ...honest, ...few }), 'invalid_input')
    expectFailure(() => ecdh.combine({ ...honest, messages: new Map(), partials: new Map() }), 'invalid_input')
    const wrong = { ...few, partials: new Map(few.partials).set(1, new Uint8Array(0)) }
    expectFailure(() => ecdh.combine({ ...honest, ...wrong }), 'invalid_input')
  })

  it('strangers, whom it names', () => {
    const stranger = { messages: new Map(messages).set(6, random(32)), partials: new Map(partials).set(6, own(1)) }
    expectFailure(() => ecdh.combine({ ...honest, ...stranger }), 'invalid_input', [6])
    const given = { publicKeys, index: 6, peer, message: random(32), partial: partials.get(1)! }
    expectFailure(() => ecdh.verifyPartial(given), 'invalid_input', [6])
  })

  it('messages of others than the partials, or of another length', () => {
    for (const wrong of [some(messages, [1, 2, 4]), new Map(messages).set(3, random(32)), new Map()]) {
      expectFailure(() => ecdh.combine({ ...honest, messages: wrong }), 'invalid_input')
    }
    for (const length of [0, 31, 33, 64]) {
      const message = random(length)
      expectFailure(() => own(1, { message }), 'invalid_input')
      const given = { publicKeys, index: 1, peer, message, partial: partials.get(1)! }
      expectFailure(() => ecdh.verifyPartial(given), 'invalid_input')
      expectFailure(() => ecdh.combine({ ...honest, messages: new Map(messages).set(4, message) }), 'invalid_input')
    }
  })

  it('a peer’s key that is no point, the identity, or in another form', () => {
    const x = peer.slice(1)
    for (const wrong of [
      new Uint8Array(33),
      Uint8Array.of(0),
      new Uint8Array(0),
      x,
      Uint8Array.of(5, ...x),
      Uint8Array.of(2, ...new Uint8Array(32).fill(255)),
      NOT_ON_CURVE,
      Point.fromBytes(peer).toBytes(false),
      Uint8Array.of(...peer, 0),
    ]) {
      expectFailure(() => own(1, { peer: wrong }), 'invalid_input')
      const given = { publicKeys, index: 1, peer: wrong, message: messages.get(1)!, partial: partials.get(1)! }
      expectFailure(() => ecdh.verifyPartial(given), 'invalid_input')
      expectFailure(() => ecdh.combine({ ...honest, peer: wrong }), 'invalid_input')
    }
  })

  it('a share that is zero, not below the order, cut short, or of the other suite', () => {
    const share = key.shares.get(1)!
    const withSecret = (secret: Uint8Array) => concatBytes(share.slice(0, 37), secret, share.slice(69))
    expect(own(1, { share: withSecret(share.slice(37, 69)) })).toHaveLength(97)
    for (const wrong of [
      withSecret(new Uint8Array(32)),
      withSecret(scalar('frost-secp256k1-tr', Fn.ORDER)),
      share.slice(0, -1),
      Uint8Array.of(...share, 0),
      dkg(mpc.frost('frost-ed25519'), 3, 2).shares.get(1)!,
    ]) {
      expectFailure(() => own(1, { share: wrong }), 'invalid_input')
    }
  })

  it('verifying shares that are not the group key’s, though every proof holds', () => {
    // Participant 2's verifying share: after header and count, the second of (identifier 32, point 33).
    const at = 6 + 65 + 32
    const { verifyingShares } = tr.describe({ publicKeys: other.publicKeys.get(1)! })
    const mixed = concatBytes(publicKeys.slice(0, at), verifyingShares.get(2)!, publicKeys.slice(at + 33))
    const partial = own(2, { share: other.shares.get(2)! })
    const given = { publicKeys: mixed, index: 2, peer, message: messages.get(2)!, partial }
    expect(ecdh.verifyPartial(given)).toBe(true)
    const sent = new Map(partials).set(2, partial)
    expectFailure(() => ecdh.combine({ ...honest, publicKeys: mixed, partials: sent }), 'invalid_input')
  })

  it('public keys of another key or suite', () => {
    const theirs = other.publicKeys.get(1)!
    expectFailure(() => ecdh.combine({ ...honest, publicKeys: theirs }), 'bad_partial', [1, 2, 4, 5])
    const ed = dkg(mpc.frost('frost-ed25519'), 5, 3).publicKeys.get(1)!
    for (const wrong of [ed, publicKeys.slice(0, -1), Uint8Array.of(...publicKeys, 0)]) {
      expectFailure(() => ecdh.combine({ ...honest, publicKeys: wrong }), 'invalid_input')
    }
  })
})
