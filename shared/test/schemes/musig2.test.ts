import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type ByIndex, type KeyTweak } from '../../mpc/src/index.ts'
import { schemeOf } from '../../src/schemes/cryptography.ts'
import { preSignaturesIn } from '../../src/schemes/adaptors.ts'
import type { Contributed, UseInput } from '../../src/schemes/scheme.ts'
import { toHex } from '../../src/wire/bytes.ts'
import {
  commitAll,
  contributing,
  doneBy,
  eachOf,
  get,
  having,
  heard,
  heldBy,
  honest,
  indicesTo,
  member,
  runAll,
  signAll,
  useOf,
  type Key,
} from './run.ts'
import { expectInvalid, expectNamed, failureOf } from './subject.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const mpc = await loadMpc()
const scheme = schemeOf(mpc, 'musig2')
const contribute = having(scheme.make.contribute)

function makeKey(participants: number, keys?: ByIndex, sorted?: boolean): Key {
  const protocol = contributing(contribute, keys, sorted)
  const made = runAll(protocol, indicesTo(participants), member(participants, participants), () => null)
  return { participants, threshold: participants, made }
}

const frame = { participants: 3, threshold: 3, session: random(32), sorted: true }
const contributedBy = (secretKeys: ByIndex, of = frame): Map<number, Contributed> =>
  eachOf(secretKeys.keys(), (index) => contribute.begin({ ...of, index, secretKey: get(secretKeys, index) }))
const drawn = () => eachOf([1, 2, 3], () => schnorr.utils.randomSecretKey())

const key = makeKey(3)
const quorum = [1, 2, 3]
const of = useOf(scheme, key, new TextEncoder().encode('pay 5 to carol'))

describe('a key of MuSig2', () => {
  const secretKeys = drawn()
  const pubkeys = eachOf(quorum, (index) => secp256k1.getPublicKey(get(secretKeys, index), true))
  const groupKeyOf = ({ made }: Key) => scheme.describe(get(made, 1).publicKeys).groupKey
  const reversed = eachOf(quorum, (index) => get(secretKeys, 4 - index))

  it('is the aggregate of the keys that its participants bring, whoever has which index', () => {
    const [one, other] = [makeKey(3, secretKeys), makeKey(3, reversed)]
    for (const key of [one, other])
      expect(groupKeyOf(key)).toEqual(mpc.musig2.keyAgg({ pubkeys, sorted: true }).slice(1))
    // What was borrowed is not wiped, and what was made is a copy.
    for (const [index, { share }] of one.made) expect(share).toEqual(get(secretKeys, index))
    expect([...secretKeys.values()].some((secretKey) => secretKey.every((byte) => byte === 0))).toBe(false)
  })

  it('is another one in another order where the keys are not sorted', () => {
    const [one, other] = [makeKey(3, secretKeys, false), makeKey(3, reversed, false)]
    expect(groupKeyOf(one)).toEqual(mpc.musig2.keyAgg({ pubkeys, sorted: false }).slice(1))
    expect(groupKeyOf(other)).not.toEqual(groupKeyOf(one))
    const { publicKeys } = get(one.made, 1)
    for (const order of [2, 255]) expectInvalid(() => scheme.describe(Uint8Array.of(order, ...publicKeys.slice(1))))
  })

  it('is signed for by all of them, under itself and under what each tweak makes of it', () => {
    const tweaks: KeyTweak[][] = [
      [],
      [{ kind: 'taproot', tweak: new Uint8Array(0) }],
      [{ kind: 'taproot', tweak: random(32) }],
      [{ kind: 'plain', tweak: random(32) }],
      [{ kind: 'xonly', tweak: random(32) }],
      [
        { kind: 'plain', tweak: random(32) },
        { kind: 'plain', tweak: random(32) },
        { kind: 'taproot', tweak: random(32) },
      ],
    ]
    for (const some of tweaks) {
      const asked = useOf(scheme, key, of.message, ...some)
      const { commitments, partials } = signAll(scheme, key, quorum, asked)
      const signature = scheme.use.sign.join(asked, commitments, partials)
      expect(schnorr.verify(signature, asked.message, asked.publicKey)).toBe(true)
    }
  })

  it('names all who bring the same key, and refuses one that is none', () => {
    const twice = new Map(drawn()).set(3, get(secretKeys, 2)).set(2, get(secretKeys, 2))
    expectNamed(
      failureOf(() => contribute.join(frame, contributedBy(twice))),
      ['bad_package'],
      [2, 3],
    )
    for (const secretKey of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31)])
      expectInvalid(() => contribute.begin({ ...frame, index: 1, secretKey }))
  })

  it('names who has not the secret of its key: of another making, another place, another size, or another’s', () => {
    const all = contributedBy(secretKeys)
    const others: readonly Contributed[] = [
      get(contributedBy(secretKeys, { ...frame, session: random(32) }), 2),
      get(contributedBy(secretKeys, { ...frame, participants: 4, threshold: 4 }), 2),
      contribute.begin({ ...frame, index: 3, secretKey: get(secretKeys, 2) }),
      { ...get(all, 2), publicKey: secp256k1.getPublicKey(schnorr.utils.randomSecretKey(), true) },
      { ...get(all, 2), proof: get(all, 2).proof.slice(1) },
      { ...get(all, 2), publicKey: get(all, 2).publicKey.slice(1) },
    ]
    for (const other of others)
      expectNamed(
        failureOf(() => contribute.join(frame, new Map(all).set(2, other))),
        ['bad_package'],
        [2],
      )
    expect(contribute.join(frame, all).length).toBe(100)
  })

  it('is made of what all of them have said, and nobody else', () => {
    const all = contributedBy(secretKeys)
    const lists = [
      new Map(),
      new Map([...all].slice(1)),
      new Map(all).set(4, get(all, 1)),
      new Map([...all].slice(1)).set(4, get(all, 1)),
    ]
    for (const list of lists) expectInvalid(() => contribute.join(frame, list))
    for (const wrong of [{ session: random(31) }, { threshold: 2 }, { participants: 101, threshold: 101 }])
      expectInvalid(() => contribute.join({ ...frame, ...wrong }, all))
  })
})

describe('a nonce of MuSig2', () => {
  const input = (index: number) => ({ ...of, index, share: get(key.made, index).share })

  it('signs what it was drawn for, and is spent by anything else', () => {
    const others: Partial<typeof of>[] = [
      { message: random(32) },
      { session: random(32) },
      { tweaks: [{ kind: 'taproot', tweak: new Uint8Array(0) }] },
      { tweaks: [{ kind: 'plain', tweak: random(32) }] },
      { publicKeys: get(makeKey(3).made, 1).publicKeys },
    ]
    for (const other of others) {
      const said = commitAll(scheme, key, quorum, of)
      const commitments = heard(1, said, 0, honest)
      const { go } = heldBy(get(said, 1))
      expectInvalid(() => go(commitments, { ...input(1), ...other }))
      expect(() => go(commitments, input(1))).toThrow(expect.objectContaining({ code: 'nonce.spent' }))
    }
  })

  it('of another message spoils the signature, and its owner is named', () => {
    const other = { ...of, message: random(32) }
    const said = new Map([...commitAll(scheme, key, [1, 3], of), ...commitAll(scheme, key, [2], other)])
    const commitments = heard(1, said, 0, honest)
    const partials = eachOf(quorum, (index) => {
      const asked = index === 2 ? { ...input(2), message: other.message } : input(index)
      return doneBy(heldBy(get(said, index)).go(commitments, asked))
    })
    expectNamed(
      failureOf(() => scheme.use.sign.join(of, commitments, partials)),
      ['bad_partial'],
      [2],
    )
  })
})

describe('pre-signatures of MuSig2', () => {
  const presign = having(scheme.use.presign)
  const secrets = [random(32), random(32), random(32)]
  const adaptors = secrets.map((secret) => mpc.secp256k1.publicKey(secret))
  const asked = { ...of, adaptors }
  const input = (index: number, more: Partial<UseInput> = {}) => ({
    ...asked,
    ...more,
    index,
    share: get(key.made, index).share,
  })
  const begin = () => eachOf(quorum, (index) => presign.begin(input(index)))
  function run(change: (index: number) => Partial<UseInput> = () => ({})) {
    const said = eachOf(quorum, (index) => presign.begin(input(index, change(index))))
    const commitments = heard(1, said, 0, honest)
    const partials = eachOf(quorum, (index) => {
      return doneBy(heldBy(get(said, index)).go(new Map(commitments), input(index, change(index))))
    })
    return { commitments, partials }
  }

  it('are one for each point, and each becomes a signature by the secret of its point', () => {
    const { commitments, partials } = run()
    const result = presign.join(asked, commitments, partials)
    expect(presign.verify(asked, result)).toBe(true)
    const all = preSignaturesIn(result)
    expect(all).toHaveLength(3)
    const { publicKey, message } = asked
    for (const [nth, preSignature] of all.entries()) {
      const of = { publicKey, message, adaptor: adaptors[nth]!, preSignature }
      const signature = mpc.musig2.adapt({ ...of, secret: secrets[nth]! })
      expect(schnorr.verify(signature, message, publicKey)).toBe(true)
      expect(mpc.musig2.extract({ ...of, signature })).toEqual(secrets[nth])
      expectInvalid(() => mpc.musig2.adapt({ ...of, secret: secrets[(nth + 1) % 3]! }))
    }
    for (const wrong of [
      result.slice(65),
      result.slice(0, -65),
      Uint8Array.of(...result, 0),
      new Uint8Array(0),
      Uint8Array.from([...result.slice(65), ...result.slice(0, 65)]),
    ])
      expect(presign.verify(asked, wrong)).toBe(false)
    expect(presign.verify({ ...asked, message: random(32) }, result)).toBe(false)
    expect(scheme.use.sign.verify(asked, result.slice(0, 64))).toBe(false)
  })

  it('have nonces of their own for each point, never the same', () => {
    const said = begin()
    const nonces = [...heard(1, said, 0, honest).values()].flatMap((all) =>
      [0, 1, 2].map((nth) => toHex(all.slice(nth * 66, (nth + 1) * 66))),
    )
    expect(new Set(nonces).size).toBe(9)
    for (const one of nonces) expect(one).toHaveLength(132)
  })

  it('are not made with nonces that were drawn for other points, another order of them, or none', () => {
    const others: Partial<UseInput>[] = [
      { adaptors: adaptors.slice(1) },
      { adaptors: adaptors.toReversed() },
      { adaptors: [...adaptors, mpc.secp256k1.publicKey(random(32))] },
      { adaptors: [] },
    ]
    for (const other of others) {
      const said = begin()
      const commitments = heard(1, said, 0, honest)
      const { go } = heldBy(get(said, 1))
      expectInvalid(() => go(commitments, input(1, other)))
      expect(() => go(commitments, input(1))).toThrow(expect.objectContaining({ code: 'nonce.spent' }))
    }
    expectInvalid(() => presign.begin(input(1, { adaptors: [] })))
    expectInvalid(() => presign.begin({ ...of, index: 1, share: get(key.made, 1).share }))
  })

  it('name all whose partial is wrong, for whichever point', () => {
    const { commitments, partials } = run()
    const spoilt = (index: number, at: number) => get(partials, index).map((byte, i) => (i === at ? byte ^ 1 : byte))
    const cases: [ByIndex, number[]][] = [
      [new Map(partials).set(2, spoilt(2, 31)), [2]],
      [new Map(partials).set(3, spoilt(3, 95)), [3]],
      [new Map(partials).set(1, spoilt(1, 40)).set(3, spoilt(3, 70)), [1, 3]],
      [new Map(partials).set(2, get(partials, 2).slice(0, -1)), [2]],
      [new Map(partials).set(2, Uint8Array.of(...get(partials, 2), 0)), [2]],
      [new Map(partials).set(2, new Uint8Array(0)), [2]],
    ]
    for (const [wrong, culprits] of cases)
      expectNamed(
        failureOf(() => presign.join(asked, commitments, wrong)),
        ['bad_partial'],
        culprits,
      )
  })

  it('name whose commitments are none, for whichever point', () => {
    for (const at of [0, 33, 66, 165]) {
      const said = begin()
      const commitments = new Map(heard(1, said, 0, honest))
      commitments.set(
        3,
        get(commitments, 3).map((byte, i) => (i === at ? 5 : byte)),
      )
      expectNamed(
        failureOf(() => heldBy(get(said, 1)).go(commitments, input(1))),
        ['bad_package'],
        [3],
      )
    }
    for (const length of [0, 66, 197, 199]) {
      const said = begin()
      const commitments = new Map(heard(1, said, 0, honest)).set(3, new Uint8Array(length))
      expectNamed(
        failureOf(() => heldBy(get(said, 1)).go(commitments, input(1))),
        ['bad_package'],
        [3],
      )
    }
  })
})
