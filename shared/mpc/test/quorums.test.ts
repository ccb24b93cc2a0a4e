import { ed25519, ed25519_FROST } from '@noble/curves/ed25519.js'
import { schnorr, schnorr_FROST } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type Scheme } from '../src/index.ts'
import { dkg, each, finish, from, indices, partials, quorums, round1, round2, sign } from './ceremony.ts'
import { round1Package, signingCommitments, splitRound1 } from './encoding.ts'

const mpc = await loadMpc()
const schemes: Scheme[] = ['frost-secp256k1-tr', 'frost-ed25519']

const REFEREE = {
  'frost-secp256k1-tr': { frost: schnorr_FROST, verify: schnorr.verify.bind(schnorr) },
  'frost-ed25519': { frost: ed25519_FROST, verify: ed25519.verify.bind(ed25519) },
}

const SIZES = [2, 3, 4, 5].flatMap((n) =>
  indices(n)
    .slice(1)
    .map((threshold) => [threshold, n] as const),
)

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

describe.each(schemes)('%s', (scheme) => {
  const frost = mpc.frost(scheme)
  const referee = REFEREE[scheme]

  it.each(SIZES)('%i of %i: every quorum of a key signs what the referee verifies', (threshold, n) => {
    const key = dkg(frost, n, threshold)
    const { groupKey } = frost.describe({ publicKeys: key.publicKeys.get(1)! })
    for (const quorum of quorums(n, threshold)) {
      const message = random(quorum.length * 7)
      const signature = sign(frost, key, quorum, message)
      expect(referee.verify(signature, message, groupKey)).toBe(true)
      expect(frost.verify({ publicKey: groupKey, message, signature })).toBe(true)
      const other = Uint8Array.of(...message, 0)
      expect(frost.verify({ publicKey: groupKey, message: other, signature })).toBe(false)
    }
  })

  it('gives all participants the same public keys, which their certificate alone rebuilds', () => {
    const key = dkg(frost, 5, 3)
    const publicKeys = key.publicKeys.get(1)!
    expect(new Set([...key.publicKeys.values()].map((one) => Buffer.from(one).toString('hex'))).size).toBe(1)
    const { groupKey, verifyingShares, threshold } = frost.describe({ publicKeys })
    expect([groupKey.length, [...verifyingShares.keys()], threshold]).toEqual([32, [1, 2, 3, 4, 5], 3])
    expect(frost.publicKeysFrom({ groupKey, verifyingShares, threshold })).toEqual(publicKeys)
    for (const share of key.shares.values()) expect(frost.verifyShare({ share, publicKeys })).toBe(true)
    expect(frost.verifyShare({ share: dkg(frost, 5, 3).shares.get(1)!, publicKeys })).toBe(false)
  })

  it('signs the empty message', () => {
    const key = dkg(frost, 3, 2)
    const message = new Uint8Array(0)
    const { groupKey } = frost.describe({ publicKeys: key.publicKeys.get(1)! })
    expect(referee.verify(sign(frost, key, [1, 3], message), message, groupKey)).toBe(true)
  })

  it('splits an existing key, whose public key stays what it was', () => {
    const secretKey = random(32)
    const key = frost.dealerSplit({ secretKey, participants: 4, threshold: 3 })
    const { groupKey } = frost.describe(key)
    const standard = scheme === 'frost-ed25519' ? ed25519 : schnorr
    expect(groupKey).toEqual(standard.getPublicKey(secretKey))
    const publicKeys = each(indices(4), () => key.publicKeys)
    for (const share of key.shares.values()) expect(frost.verifyShare({ share, publicKeys: key.publicKeys })).toBe(true)
    for (const quorum of quorums(4, 3)) {
      const message = random(32)
      expect(referee.verify(sign(frost, { shares: key.shares, publicKeys }, quorum, message), message, groupKey)).toBe(
        true,
      )
    }
  })

  it('adds up to the same signature as the referee does', () => {
    const id = (index: number) => referee.frost.Identifier.fromNumber(index)
    const length = scheme === 'frost-ed25519' ? 32 : 33
    const key = dkg(frost, 3, 2)
    const publicKeys = key.publicKeys.get(1)!
    const { groupKey, verifyingShares } = frost.describe({ publicKeys })
    const signing = partials(frost, key, [1, 2, 3], random(32))
    const point = length === 33 ? Uint8Array.of(2, ...groupKey) : groupKey
    const theirs = {
      signers: { min: 2, max: 3 },
      commitments: [point],
      verifyingShares: Object.fromEntries([...verifyingShares].map(([index, share]) => [id(index), share])),
    }
    const list = [...signing.commitments].map(([index, bytes]) => ({
      identifier: id(index),
      hiding: bytes.slice(5, 5 + length),
      binding: bytes.slice(5 + length),
    }))
    for (const [index, partial] of signing.partials) {
      expect(referee.frost.verifyShare(theirs, list, signing.message, id(index), partial)).toBe(true)
    }
    const shares = Object.fromEntries([...signing.partials].map(([index, partial]) => [id(index), partial]))
    const signature = referee.frost.aggregate(theirs, list, signing.message, shares)
    expect(frost.aggregate({ publicKeys, ...signing })).toEqual(signature)
  })

  it('makes a key together with a participant who runs the referee, and signs with it', () => {
    const id = (index: number) => referee.frost.Identifier.fromNumber(index)
    const signers = { min: 2, max: 3 }
    const third = referee.frost.DKG.round1(id(3), signers)
    const first = round1(frost, 3, 2)
    first.delete(3)
    const { commitment, proofOfKnowledge } = third.public
    const packages = new Map([...first].map(([index, own]) => [index, own.package]))
    packages.set(3, round1Package(scheme, commitment, proofOfKnowledge))
    const theirRound1 = [1, 2].map((index) => {
      const { commitment, proof } = splitRound1(scheme, packages.get(index)!)
      return { identifier: id(index), commitment, proofOfKnowledge: proof }
    })
    const second = each([1, 2], (index) =>
      frost.dkgPart2({ secret: first.get(index)!.secret, packages: from(packages, index, (one) => one) }),
    )
    const theirRound2 = referee.frost.DKG.round2(third.secret, theirRound1)
    const done = each([1, 2], (index) => {
      const fromThird = Uint8Array.of(
        ...second.get(1)!.packages.get(2)!.slice(0, 5),
        ...theirRound2[id(index)]!.signingShare,
      )
      const round2 = from(second, index, (one) => one.packages.get(index)!).set(3, fromThird)
      const { secret } = second.get(index)!
      return frost.dkgPart3({ secret, round1: from(packages, index, (one) => one), round2 })
    })
    const theirs = referee.frost.DKG.round3(
      third.secret,
      theirRound1,
      [1, 2].map((index) => ({ identifier: id(index), signingShare: second.get(index)!.packages.get(3)!.slice(5) })),
    )
    const { groupKey } = frost.describe(done.get(1)!)
    expect(theirs.public.commitments[0]!.slice(-32)).toEqual(groupKey)

    const message = random(32)
    const length = commitment[0]!.length
    const ours = frost.commit(done.get(1)!)
    const nonces = referee.frost.commit(theirs.secret)
    const commitments = new Map([
      [1, ours.commitments],
      [3, signingCommitments(scheme, nonces.commitments.hiding, nonces.commitments.binding)],
    ])
    const list = [...commitments].map(([index, bytes]) => ({
      identifier: id(index),
      hiding: bytes.slice(5, 5 + length),
      binding: bytes.slice(5 + length),
    }))
    const signed = new Map([
      [1, frost.sign({ ...done.get(1)!, nonces: ours.nonces, commitments, message })],
      [3, referee.frost.signShare(theirs.secret, theirs.public, nonces.nonces, list, message)],
    ])
    const signature = frost.aggregate({ ...done.get(1)!, commitments, partials: signed, message })
    expect(referee.verify(signature, message, groupKey)).toBe(true)
  })

  it('refuses sizes that are no threshold', () => {
    for (const [index, participants, threshold] of [
      [0, 3, 2],
      [4, 3, 2],
      [1, 3, 1],
      [1, 3, 4],
      [1, 1, 1],
      [1.5, 3, 2],
      [65537, 3, 2],
      [-1, 3, 2],
    ] as const) {
      expect(() => frost.dkgPart1({ index, participants, threshold })).toThrow('invalid_input')
    }
  })
})

it('keeps the two suites apart', () => {
  const tr = mpc.frost('frost-secp256k1-tr')
  const first = round1(tr, 2, 2)
  const second = round2(tr, first)
  const { share } = finish(tr, first, second, 1)
  expect(() => mpc.frost('frost-ed25519').commit({ share })).toThrow('invalid_input')
})
