import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type ByIndex } from '../../mpc/src/index.ts'
import { schemeOf } from '../../src/schemes/cryptography.ts'
import type { Contributed } from '../../src/schemes/scheme.ts'
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

  it('is signed for by all of them, under itself and under its output key', () => {
    for (const tweak of [null, new Uint8Array(0), random(32)]) {
      const asked = useOf(scheme, key, of.message, tweak)
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
      { tweak: new Uint8Array(0) },
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
