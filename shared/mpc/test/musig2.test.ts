import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { concatBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadMpc, type KeyTweak, type MusigSession } from '../src/index.ts'
import { scalar } from './encoding.ts'
import { expectFailure } from './failing.ts'
import { nonces, publicKey, pubkeysOf, signed, signers, xonly, type Signers } from './musig.ts'

const { musig2 } = await loadMpc()
const { Point } = secp256k1
const { Fn } = Point

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const ORDER = scalar('frost-secp256k1-tr', Fn.ORDER)
const ONE = scalar('frost-secp256k1-tr', 1n)

/** No points at all, or points in a form that is not the BIP's. */
function notPoints(point: Uint8Array): Uint8Array[] {
  const x = point.slice(1)
  return [
    new Uint8Array(0),
    new Uint8Array(33),
    x,
    Uint8Array.of(4, ...x),
    Uint8Array.of(5, ...x),
    Uint8Array.of(2, ...new Uint8Array(31), 5),
    Uint8Array.of(2, ...new Uint8Array(32).fill(255)),
    Uint8Array.of(...point, 0),
    Point.fromBytes(point).toBytes(false),
  ]
}

const byteTweak = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => bytes[0]! < 255)
const tweak: fc.Arbitrary<KeyTweak> = fc.oneof(
  fc.record({ kind: fc.constantFrom('plain' as const, 'xonly' as const), tweak: byteTweak }),
  fc.record({ kind: fc.constant('taproot' as const), tweak: fc.oneof(byteTweak, fc.constant(new Uint8Array(0))) }),
)

describe('a signature of all signers', () => {
  it('verifies under the aggregate key, however many sign, in whatever order, with whatever tweaks', () => {
    const shape = { n: fc.integer({ min: 1, max: 4 }), sorted: fc.boolean(), tweaks: fc.array(tweak, { maxLength: 3 }) }
    fc.assert(
      fc.property(fc.record({ ...shape, message: fc.uint8Array({ maxLength: 80 }) }), ({ n, ...asked }) => {
        const secretKeys = signers(n)
        const session = { ...asked, pubkeys: pubkeysOf(secretKeys) }
        const all = signed(musig2, secretKeys, session)
        for (const [index, psig] of all.psigs) expect(musig2.partialSigVerify({ ...all, index, psig })).toBe(true)
        const key = xonly(musig2, session)
        expect(schnorr.verify(musig2.partialSigAgg(all), asked.message, key)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('is of participants by their index: those of a sub-group keep theirs', () => {
    const everybody = signers(7)
    const few = new Map([...everybody].filter(([index]) => [2, 5, 7].includes(index)))
    const session = { pubkeys: pubkeysOf(few), sorted: true, message: random(32) }
    const all = signed(musig2, few, session)
    expect([...all.psigs.keys()]).toEqual([2, 5, 7])
    expect(schnorr.verify(musig2.partialSigAgg(all), session.message, xonly(musig2, session))).toBe(true)
    const psigs = new Map(all.psigs).set(5, all.psigs.get(2)!)
    expectFailure(() => musig2.partialSigAgg({ ...all, psigs }), 'bad_partial', [5])
  })

  it('is possible where two participants have the same key', () => {
    const one = signers(3)
    const secretKeys = new Map(one).set(3, one.get(1)!)
    const session = { pubkeys: pubkeysOf(secretKeys), message: random(32) }
    const signature = musig2.partialSigAgg(signed(musig2, secretKeys, session))
    expect(schnorr.verify(signature, session.message, xonly(musig2, session))).toBe(true)
  })

  it('is possible with 100 signers, and not with 101 or none', () => {
    const secretKeys = signers(100)
    const session = { pubkeys: pubkeysOf(secretKeys), sorted: true, message: random(32) }
    const round = nonces(musig2, secretKeys, session)
    const all = signed(musig2, secretKeys, session, round)
    expect(schnorr.verify(musig2.partialSigAgg(all), session.message, xonly(musig2, session))).toBe(true)
    expectFailure(() => musig2.keyAgg({ pubkeys: new Map(session.pubkeys).set(101, publicKey(ONE)) }), 'invalid_input')
    expectFailure(() => musig2.keyAgg({ pubkeys: new Map() }), 'invalid_input')
  }, 60_000)

  it('depends on the order of the keys unless they are sorted', () => {
    const pubkeys = pubkeysOf(signers(2))
    const swapped = new Map([...pubkeys].map(([index, key]) => [3 - index, key]))
    expect(musig2.keyAgg({ pubkeys: swapped })).not.toEqual(musig2.keyAgg({ pubkeys }))
    expect(musig2.keyAgg({ pubkeys: swapped, sorted: true })).toEqual(musig2.keyAgg({ pubkeys, sorted: true }))
  })
})

const secretKeys = signers(3)
const session: MusigSession = { pubkeys: pubkeysOf(secretKeys), sorted: true, message: random(32) }
const round = nonces(musig2, secretKeys, session)
const { pubnonces } = round
const all = signed(musig2, secretKeys, session, round)
const { psigs } = all

describe('a nonce', () => {
  const drawn = (change: Partial<MusigSession> & { secretKey?: Uint8Array; extraIn?: Uint8Array } = {}) =>
    musig2.nonceGen({ ...session, secretKey: secretKeys.get(1)!, extraIn: new Uint8Array(0), ...change })

  it('is another one each time', () => {
    expect(drawn().pubnonce).not.toEqual(drawn().pubnonce)
  })

  it('is for one of the keys, and signs with that key only', () => {
    expectFailure(() => drawn({ secretKey: random(32) }), 'invalid_input')
    const aggnonce = musig2.nonceAgg({ pubnonces })
    const given = { ...session, aggnonce, secnonce: round.secnonces.get(1)! }
    expectFailure(() => musig2.sign({ ...given, secretKey: secretKeys.get(2)! }), 'invalid_input')
  })

  it('does not sign for keys that its own is not among, or when it was wiped', () => {
    const aggnonce = musig2.nonceAgg({ pubnonces })
    const given = { ...session, aggnonce, secnonce: round.secnonces.get(1)!, secretKey: secretKeys.get(1)! }
    const strangers = new Map(session.pubkeys).set(1, publicKey(random(32)))
    expectFailure(() => musig2.sign({ ...given, pubkeys: strangers }), 'invalid_input')
    expectFailure(() => musig2.sign({ ...given, secnonce: new Uint8Array(97) }), 'invalid_input')
    const k1Only = concatBytes(given.secnonce.slice(0, 32), ORDER, given.secnonce.slice(64))
    for (const secnonce of [k1Only, given.secnonce.slice(1), concatBytes(given.secnonce, new Uint8Array(1))]) {
      expectFailure(() => musig2.sign({ ...given, secnonce }), 'invalid_input')
    }
  })

  it('is named with its owner if it is none', () => {
    const good = pubnonces.get(2)!
    for (const bytes of notPoints(good.slice(0, 33))) {
      for (const wrong of [concatBytes(bytes, good.slice(33)), concatBytes(good.slice(0, 33), bytes)]) {
        const sent = new Map(pubnonces).set(2, wrong)
        expectFailure(() => musig2.nonceAgg({ pubnonces: sent }), 'bad_package', [2])
        expectFailure(() => musig2.partialSigAgg({ ...all, pubnonces: sent }), 'bad_package', [2])
        const given = { ...session, pubnonces: sent, index: 1, psig: psigs.get(1)! }
        expectFailure(() => musig2.partialSigVerify(given), 'bad_package', [2])
      }
    }
    const two = new Map(pubnonces).set(1, new Uint8Array(66)).set(3, new Uint8Array(0))
    expectFailure(() => musig2.nonceAgg({ pubnonces: two }), 'bad_package', [1, 3])
  })

  it('at infinity lets the honest sign, and names who made it so', () => {
    const cancel = (half: 0 | 33) => {
      const others = [1, 3].map((index) => Point.fromBytes(pubnonces.get(index)!.slice(half, half + 33)))
      return others[0]!.add(others[1]!).negate().toBytes(true)
    }
    const sent = new Map(pubnonces).set(2, concatBytes(cancel(0), cancel(33)))
    const aggnonce = musig2.nonceAgg({ pubnonces: sent })
    expect(aggnonce).toEqual(new Uint8Array(66))
    const { secnonces } = round
    const honest = [1, 3].map((index): [number, Uint8Array] => {
      const own = { secretKey: secretKeys.get(index)!, secnonce: secnonces.get(index)! }
      return [index, musig2.sign({ ...session, ...own, aggnonce })]
    })
    const spoilt = { ...session, pubnonces: sent, psigs: new Map(honest).set(2, psigs.get(2)!) }
    expectFailure(() => musig2.partialSigAgg(spoilt), 'bad_partial', [2])
  })
})

describe('a cheat is named who', () => {
  function expectNamed(forged: Record<number, Uint8Array>) {
    const culprits = Object.keys(forged).map(Number)
    const sent = new Map([...psigs].map(([index, psig]) => [index, forged[index] ?? psig]))
    expectFailure(() => musig2.partialSigAgg({ ...all, psigs: sent }), 'bad_partial', culprits)
    for (const [index, psig] of sent) {
      expect(musig2.partialSigVerify({ ...all, index, psig })).toBe(!culprits.includes(index))
    }
  }
  const own = (index: number, change: Partial<MusigSession> = {}, secretKeysOf: Signers = secretKeys) =>
    signed(musig2, secretKeysOf, { ...session, ...change }, round).psigs.get(index)!

  it('sends another partial, none, or one beyond the order', () => {
    const good = psigs.get(2)!
    const negated = Fn.toBytes(Fn.neg(Fn.fromBytes(good)))
    for (const psig of [negated, ORDER, new Uint8Array(32), new Uint8Array(0), good.slice(1), concatBytes(good, ONE)]) {
      expectNamed({ 2: psig })
    }
    expectNamed({ 1: psigs.get(2)!, 2: psigs.get(1)!, 3: negated })
    expectNamed({ 1: new Uint8Array(0), 2: negated, 3: ORDER })
  })

  it('but not where wrong partials add up to the right signature', () => {
    const swapped = new Map(psigs).set(1, psigs.get(2)!).set(2, psigs.get(1)!)
    expect(musig2.partialSigVerify({ ...all, index: 1, psig: swapped.get(1)! })).toBe(false)
    expect(musig2.partialSigAgg({ ...all, psigs: swapped })).toEqual(musig2.partialSigAgg(all))
  })

  it('signs another message, with other tweaks, for another order of keys, or with an adaptor', () => {
    expectNamed({ 1: own(1, { message: random(32) }) })
    expectNamed({ 2: own(2, { tweaks: [{ kind: 'taproot', tweak: new Uint8Array(0) }] }) })
    const keys = [...session.pubkeys].toSorted(([, a], [, b]) => Buffer.compare(b, a))
    const reversed = new Map(keys.map(([index], at) => [at + 1, secretKeys.get(index)!]))
    const place = keys.findIndex(([index]) => index === 3) + 1
    const anyOrder = { ...session, sorted: false, pubkeys: pubkeysOf(reversed) }
    const aggnonce = musig2.nonceAgg({ pubnonces })
    const given = { ...anyOrder, aggnonce, secretKey: reversed.get(place)!, secnonce: round.secnonces.get(3)! }
    expectNamed({ 3: musig2.sign(given) })
    expectNamed({ 3: own(3, { adaptor: publicKey(random(32)) }) })
  })

  it('draws its nonce anew after it said another', () => {
    const anew = nonces(musig2, secretKeys, session)
    const mixed = { pubnonces, secnonces: new Map(round.secnonces).set(2, anew.secnonces.get(2)!) }
    expectNamed({ 2: signed(musig2, secretKeys, session, mixed).psigs.get(2)! })
  })

  it('brings a key that is none', () => {
    for (const bytes of notPoints(session.pubkeys.get(3)!)) {
      const pubkeys = new Map(session.pubkeys).set(3, bytes)
      expectFailure(() => musig2.keyAgg({ pubkeys }), 'bad_package', [3])
      expectFailure(() => musig2.partialSigAgg({ ...all, pubkeys }), 'bad_package', [3])
    }
  })
})

describe('what no honest caller passes is refused:', () => {
  it('tweaks that cannot be read, which are never taken for none', () => {
    const refused: [KeyTweak['kind'], Uint8Array][] = [
      ...[0, 1, 31, 33, 64].map((length): [KeyTweak['kind'], Uint8Array] => ['plain', new Uint8Array(length)]),
      ...[0, 1, 31, 33, 64].map((length): [KeyTweak['kind'], Uint8Array] => ['xonly', new Uint8Array(length)]),
      ...[1, 31, 33, 64].map((length): [KeyTweak['kind'], Uint8Array] => ['taproot', new Uint8Array(length)]),
      ['plain', ORDER],
      ['xonly', new Uint8Array(32).fill(255)],
      ['unknown' as 'plain', ONE],
    ]
    for (const [kind, bytes] of refused) {
      expectFailure(() => musig2.keyAgg({ ...session, tweaks: [{ kind, tweak: bytes }] }), 'invalid_input')
    }
  })

  it('nonces or partials of other participants than the keys', () => {
    const fewer = new Map([...pubnonces].slice(1))
    const more = new Map(pubnonces).set(4, pubnonces.get(1)!)
    for (const wrong of [fewer, more, new Map<number, Uint8Array>()]) {
      expectFailure(() => musig2.partialSigAgg({ ...all, pubnonces: wrong }), 'invalid_input')
    }
    for (const wrong of [new Map([...psigs].slice(1)), new Map(psigs).set(4, psigs.get(1)!)]) {
      expectFailure(() => musig2.partialSigAgg({ ...all, psigs: wrong }), 'invalid_input')
    }
    expectFailure(() => musig2.partialSigVerify({ ...all, index: 4, psig: psigs.get(1)! }), 'invalid_input')
    expectFailure(() => musig2.nonceAgg({ pubnonces: new Map() }), 'invalid_input')
  })

  it('a secret key that is zero or beyond the order, or an aggregate nonce that is none', () => {
    const aggnonce = musig2.nonceAgg({ pubnonces })
    const given = { ...session, aggnonce, secnonce: round.secnonces.get(1)!, secretKey: secretKeys.get(1)! }
    for (const secretKey of [new Uint8Array(32), ORDER, new Uint8Array(31), new Uint8Array(33)]) {
      expectFailure(() => musig2.sign({ ...given, secretKey }), 'invalid_input')
      expectFailure(() => musig2.nonceGen({ ...session, secretKey, extraIn: new Uint8Array(0) }), 'invalid_input')
    }
    for (const bytes of notPoints(aggnonce.slice(33)).filter((one) => one.length !== 33 || one[0] !== 0)) {
      expectFailure(
        () => musig2.sign({ ...given, aggnonce: concatBytes(aggnonce.slice(0, 33), bytes) }),
        'invalid_input',
      )
    }
  })
})
