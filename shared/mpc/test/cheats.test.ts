import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type KeyTweak, type Scheme } from '../src/index.ts'
import { dkg, each, finish, from, indices, partials, round1, round2, type Round1, type Round2 } from './ceremony.ts'
import * as encoding from './encoding.ts'
import { expectFailure } from './failing.ts'

const mpc = await loadMpc()
const schemes: Scheme[] = ['frost-secp256k1-tr', 'frost-ed25519']

const IDENTITY = {
  'frost-secp256k1-tr': [new Uint8Array(33), Uint8Array.of(0)],
  'frost-ed25519': [Uint8Array.of(1, ...new Uint8Array(31))],
}

/** Other encodings of points, and encodings of other points, that must never be read. */
const NOT_CANONICAL = {
  'frost-secp256k1-tr': [
    // SEC1's compact form, hybrid form, and an x that is not below p.
    Uint8Array.of(5, ...secp256k1.Point.BASE.toBytes(true).slice(1)),
    Uint8Array.of(6, ...secp256k1.Point.BASE.toBytes(true).slice(1)),
    Uint8Array.of(2, ...new Uint8Array(32).fill(255)),
    secp256k1.Point.BASE.toBytes(false),
  ],
  'frost-ed25519': [
    // y = p + 1, y = 1 with the sign set, a point of order 8, and one of mixed order.
    Uint8Array.of(0xee, ...new Uint8Array(30).fill(255), 0x7f),
    Uint8Array.of(1, ...new Uint8Array(30), 0x80),
    Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'),
    ed25519.Point.BASE.add(
      ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    ).toBytes(),
  ],
}

const flip = (bytes: Uint8Array, at: number) => bytes.with(at < 0 ? bytes.length + at : at, bytes.at(at)! ^ 1)

describe.each(schemes)('%s', (scheme) => {
  const frost = mpc.frost(scheme)
  const N = 4
  const T = 3
  const honest = round1(frost, N, T)
  const honestRound2 = round2(frost, honest)
  const packageOf = (index: number) => encoding.splitRound1(scheme, honest.get(index)!.package)

  /** What all others say in part two when these participants sent these packages. */
  function expectNamedInPart2(forged: Record<number, Uint8Array>) {
    const culprits = Object.keys(forged).map(Number)
    const sent = each(indices(N), (index) => forged[index] ?? honest.get(index)!.package)
    for (const own of indices(N).filter((index) => !culprits.includes(index))) {
      const { secret } = honest.get(own)!
      expectFailure(() => frost.dkgPart2({ secret, packages: from(sent, own, (one) => one) }), 'bad_package', culprits)
    }
  }

  describe('in round one of DKG all others name who', () => {
    it('proves nothing', () => {
      const { commitment, proof } = packageOf(2)
      expectNamedInPart2({
        2: encoding.round1Package(scheme, commitment, flip(proof, scheme === 'frost-ed25519' ? 40 : -1)),
      })
    })

    it('proves another’s secret', () => {
      const { commitment } = packageOf(2)
      expectNamedInPart2({ 2: encoding.round1Package(scheme, commitment, packageOf(3).proof) })
    })

    it('replays another’s package, proof and all', () => {
      expectNamedInPart2({ 2: honest.get(3)!.package })
    })

    it('replays the proof of another session', () => {
      const { commitment } = packageOf(4)
      const before = encoding.splitRound1(scheme, round1(frost, N, T).get(4)!.package)
      expectNamedInPart2({ 4: encoding.round1Package(scheme, commitment, before.proof) })
    })

    it('chooses its constant term so that the key becomes its own', () => {
      const Point = scheme === 'frost-ed25519' ? ed25519.Point : secp256k1.Point
      const point = (index: number) => Point.fromBytes(packageOf(index).commitment[0]!)
      const own = Point.BASE.multiply(12345n)
      const rogue = [1, 2, 3].reduce((sum, index) => sum.subtract(point(index) as never) as never, own)
      const { commitment, proof } = packageOf(4)
      expectNamedInPart2({ 4: encoding.round1Package(scheme, [rogue.toBytes(), ...commitment.slice(1)], proof) })
    })

    it('commits to a polynomial of another degree', () => {
      const longer = frost.dkgPart1({ index: 1, participants: N, threshold: T + 1 }).package
      const shorter = frost.dkgPart1({ index: 3, participants: N, threshold: T - 1 }).package
      expectNamedInPart2({ 1: longer })
      expectNamedInPart2({ 3: shorter })
      expectNamedInPart2({ 1: longer, 3: shorter })
    })

    it('sends no points, the identity, or points in another form', () => {
      const { commitment, proof } = packageOf(2)
      for (const point of [...IDENTITY[scheme], ...NOT_CANONICAL[scheme]]) {
        for (const at of indices(T).map((index) => index - 1)) {
          expectNamedInPart2({ 2: encoding.round1Package(scheme, commitment.with(at, point), proof) })
        }
      }
      expectNamedInPart2({ 2: encoding.round1Package(scheme, [], proof) })
      expectNamedInPart2({ 2: new Uint8Array(0) })
    })

    it('adds a byte, leaves one out, or is of another version or suite', () => {
      const good = honest.get(2)!.package
      expectNamedInPart2({ 2: Uint8Array.of(...good, 0) })
      expectNamedInPart2({ 2: good.slice(0, -1) })
      for (const at of [0, 1, 4]) expectNamedInPart2({ 2: flip(good, at) })
      // The same count of commitments as a longer varint.
      expectNamedInPart2({ 2: Uint8Array.of(...good.slice(0, 5), T | 128, 0, ...good.slice(6)) })
    })

    it('cheats together with another', () => {
      const broken = (index: number) => {
        const { commitment, proof } = packageOf(index)
        return encoding.round1Package(scheme, commitment, flip(proof, scheme === 'frost-ed25519' ? 40 : -1))
      }
      expectNamedInPart2({ 2: broken(2), 4: broken(4) })
    })
  })

  it('refuses round one from too few, too many, itself or a stranger', () => {
    const { secret } = honest.get(1)!
    const packages = from(honest, 1, (one) => one.package)
    const some = packages.get(2)!
    for (const wrong of [
      new Map([...packages].slice(1)),
      new Map([...packages, [5, some] as const]),
      new Map([...packages, [1, honest.get(1)!.package] as const]),
      new Map([...[...packages].slice(1), [5, some] as const]),
      new Map([...[...packages].slice(1), [0, some] as const]),
    ]) {
      expectFailure(() => frost.dkgPart2({ secret, packages: wrong }), 'invalid_input')
    }
  })

  describe('in round two of DKG the receiver names who', () => {
    const tampered = (sender: number, change: (packages: Map<number, Uint8Array>) => void) => {
      const second = new Map<number, Round2>(honestRound2)
      const packages = new Map(second.get(sender)!.packages)
      change(packages)
      return second.set(sender, { ...second.get(sender)!, packages })
    }
    const expectNamed = (second: Map<number, Round2>, receivers: number[], culprits: number[]) => {
      for (const own of receivers) expectFailure(() => finish(frost, honest, second, own), 'bad_package', culprits)
    }

    it('sends shares that are off its polynomial', () => {
      const shift = (bytes: Uint8Array) => flip(bytes, scheme === 'frost-ed25519' ? 5 : -1)
      const all = tampered(2, (packages) => packages.forEach((bytes, to) => packages.set(to, shift(bytes))))
      expectNamed(all, [1, 3, 4], [2])
    })

    it('swaps the packages of two receivers', () => {
      const swapped = tampered(3, (packages) => {
        const [one, two] = [packages.get(1)!, packages.get(2)!]
        packages.set(1, two).set(2, one)
      })
      expectNamed(swapped, [1, 2], [3])
      expect(finish(frost, honest, swapped, 4).share.length).toBeGreaterThan(0)
    })

    it('replays a share of another session', () => {
      const other = round2(frost, round1(frost, N, T))
      expectNamed(new Map(honestRound2).set(4, other.get(4)!), [1, 2, 3], [4])
    })

    it('cheats together with another', () => {
      const other = round2(frost, round1(frost, N, T))
      expectNamed(new Map(honestRound2).set(2, other.get(2)!).set(4, other.get(4)!), [1, 3], [2, 4])
    })

    it('sends zero, too much, or a scalar that is not below the order', () => {
      const order = (scheme === 'frost-ed25519' ? ed25519 : secp256k1).Point.Fn.ORDER
      for (const bytes of [
        encoding.round2Package(scheme, new Uint8Array(32)),
        encoding.round2Package(scheme, encoding.scalar(scheme, order)),
        encoding.round2Package(scheme, encoding.scalar(scheme, order + 1n)),
        Uint8Array.of(...honestRound2.get(2)!.packages.get(1)!, 0),
        new Uint8Array(0),
      ]) {
        expectNamed(
          tampered(2, (packages) => packages.set(1, bytes)),
          [1],
          [2],
        )
      }
    })

    it('showed this receiver another round one', () => {
      const other: Round1 = frost.dkgPart1({ index: 2, participants: N, threshold: T })
      const first = new Map(honest).set(2, other)
      expectFailure(() => finish(frost, first, honestRound2, 1), 'bad_package', [2])
    })
  })

  describe('in signing', () => {
    const key = dkg(frost, 5, 3)
    const publicKeys = key.publicKeys.get(1)!
    const message = new TextEncoder().encode('pay 5 to carol')
    const signing = partials(frost, key, [1, 2, 4, 5], message)

    it('names all whose partial is wrong, and only them', () => {
      const other = partials(frost, key, [1, 2, 4, 5], message)
      const two = new Map(signing.partials).set(2, other.partials.get(2)!)
      expectFailure(() => frost.aggregate({ publicKeys, ...signing, partials: two }), 'bad_partial', [2])
      const three = new Map(two).set(5, new Uint8Array(32)).set(4, signing.partials.get(1)!)
      expectFailure(() => frost.aggregate({ publicKeys, ...signing, partials: three }), 'bad_partial', [2, 4, 5])
      for (const index of [1, 2, 4, 5]) {
        const given = { publicKeys, ...signing, index, partial: three.get(index)! }
        expect(frost.verifyPartial(given)).toBe(index === 1)
      }
    })

    it('names who signed another message', () => {
      const round = each([1, 2, 3], (index) => frost.commit({ share: key.shares.get(index)! }))
      const commitments = each([1, 2, 3], (index) => round.get(index)!.commitments)
      const signed = each([1, 2, 3], (index) => {
        const { nonces } = round.get(index)!
        const text = index === 3 ? 'pay 500 to carol' : 'pay 5 to carol'
        return frost.sign({
          share: key.shares.get(index)!,
          nonces,
          commitments,
          message: new TextEncoder().encode(text),
        })
      })
      expectFailure(() => frost.aggregate({ publicKeys, commitments, message, partials: signed }), 'bad_partial', [3])
    })

    it('names who sends no scalar', () => {
      const order = (scheme === 'frost-ed25519' ? ed25519 : secp256k1).Point.Fn.ORDER
      for (const bytes of [new Uint8Array(0), new Uint8Array(33), encoding.scalar(scheme, order)]) {
        const wrong = new Map(signing.partials).set(4, bytes)
        expectFailure(() => frost.aggregate({ publicKeys, ...signing, partials: wrong }), 'bad_partial', [4])
      }
    })

    it('names who commits to the identity, to no point, or in another form', () => {
      const { nonces, commitments: own } = frost.commit({ share: key.shares.get(1)! })
      const good = frost.commit({ share: key.shares.get(3)! }).commitments
      const length = (good.length - 5) / 2
      const [hiding, binding] = [good.slice(5, 5 + length), good.slice(5 + length)]
      for (const point of [...IDENTITY[scheme], ...NOT_CANONICAL[scheme]]) {
        for (const bad of [
          encoding.signingCommitments(scheme, point, binding),
          encoding.signingCommitments(scheme, hiding, point),
        ]) {
          const commitments = new Map(signing.commitments).set(1, own).set(4, bad)
          const share = key.shares.get(1)!
          expectFailure(() => frost.sign({ share, nonces, commitments, message }), 'bad_package', [4])
          expectFailure(() => frost.aggregate({ publicKeys, ...signing, commitments }), 'bad_package', [4])
        }
      }
    })

    it('refuses a list without its own commitment, with another’s in its place, or with a copy of it', () => {
      const share = key.shares.get(1)!
      const { nonces, commitments: own } = frost.commit({ share })
      const others = new Map([...signing.commitments].filter(([index]) => index !== 1))
      const attempt = (commitments: Map<number, Uint8Array>) => () =>
        frost.sign({ share, nonces, commitments, message })
      expectFailure(attempt(others), 'invalid_input')
      expectFailure(attempt(new Map(others).set(1, signing.commitments.get(1)!)), 'invalid_input')
      expectFailure(attempt(new Map(others).set(1, own).set(4, own)), 'bad_package', [4])
      expect(attempt(new Map(others).set(1, own))()).toHaveLength(32)
    })

    it('refuses fewer signers than the threshold, strangers, and partials of others than committed', () => {
      const share = key.shares.get(1)!
      const { nonces, commitments: own } = frost.commit({ share })
      const two = new Map([...signing.commitments].slice(0, 2)).set(1, own)
      expectFailure(() => frost.sign({ share, nonces, commitments: two, message }), 'invalid_input')
      const first = <V>(map: ReadonlyMap<number, V>, count: number) => new Map([...map].slice(0, count))
      const few = { commitments: first(signing.commitments, 2), partials: first(signing.partials, 2) }
      expectFailure(() => frost.aggregate({ publicKeys, ...signing, ...few }), 'invalid_input')
      const uneven = { partials: first(signing.partials, 3) }
      expectFailure(() => frost.aggregate({ publicKeys, ...signing, ...uneven }), 'invalid_input')
      const stranger = {
        commitments: new Map(signing.commitments).set(6, own),
        partials: new Map(signing.partials).set(6, signing.partials.get(1)!),
      }
      expectFailure(() => frost.aggregate({ publicKeys, ...signing, ...stranger }), 'invalid_input', [6])
    })

    it('does not add up under another key or another message', () => {
      const other = dkg(frost, 5, 3).publicKeys.get(1)!
      expectFailure(() => frost.aggregate({ publicKeys: other, ...signing }), 'bad_partial', [1, 2, 4, 5])
      const changed = { ...signing, message: flip(message, 0) }
      expectFailure(() => frost.aggregate({ publicKeys, ...changed }), 'bad_partial', [1, 2, 4, 5])
    })
  })

  it('reads no public keys but the canonical ones that belong together', () => {
    const key = dkg(frost, 3, 2)
    const publicKeys = key.publicKeys.get(1)!
    for (const wrong of [
      publicKeys.slice(0, -2),
      Uint8Array.of(...publicKeys, 0),
      flip(publicKeys, 0),
      flip(publicKeys, 4),
    ]) {
      expectFailure(() => frost.describe({ publicKeys: wrong }), 'invalid_input')
    }
    const { groupKey, verifyingShares, threshold } = frost.describe({ publicKeys })
    const mixed = new Map(verifyingShares).set(2, verifyingShares.get(1)!)
    expectFailure(() => frost.publicKeysFrom({ groupKey, verifyingShares: mixed, threshold }), 'invalid_input')
    expectFailure(() => frost.publicKeysFrom({ groupKey, verifyingShares, threshold: 4 }), 'invalid_input')
    const other = frost.describe({ publicKeys: dkg(frost, 3, 2).publicKeys.get(1)! }).groupKey
    expectFailure(() => frost.publicKeysFrom({ groupKey: other, verifyingShares, threshold }), 'invalid_input')
  })
})

const tweaks: KeyTweak[] = [
  { kind: 'taproot', tweak: new Uint8Array(0) },
  { kind: 'plain', tweak: new Uint8Array(32).fill(1) },
  { kind: 'xonly', tweak: new Uint8Array(32).fill(1) },
]

it('knows a tweak in secp256k1 only, and no other length of it', () => {
  const tr = mpc.frost('frost-secp256k1-tr')
  const groupKey = secp256k1.Point.BASE.toBytes(true).slice(1)
  const lengths = { taproot: [1, 31, 33, 64], plain: [0, 31, 33], xonly: [0, 31, 33] } as const
  for (const [kind, wrong] of Object.entries(lengths) as [KeyTweak['kind'], readonly number[]][])
    for (const length of wrong)
      expectFailure(() => tr.tweakedKey({ groupKey, tweak: { kind, tweak: new Uint8Array(length) } }), 'invalid_input')
  const ed = mpc.frost('frost-ed25519')
  const key = dkg(ed, 2, 2)
  for (const tweak of tweaks) {
    expectFailure(() => ed.tweakedKey({ groupKey: ed25519.Point.BASE.toBytes(), tweak }), 'invalid_input')
    expectFailure(() => partials(ed, key, [1, 2], new Uint8Array(1), tweak), 'invalid_input')
  }
})
