import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../../mpc/src/index.ts'
import { pubkeysOf, signed, signers, xonly } from '../../mpc/test/musig.ts'
import { adaptorsOf, proveAdaptor, type ProvedPoint } from '../../src/schemes/adaptors.ts'
import { expectInvalid, expectNamed, failureOf } from './subject.ts'

const mpc = await loadMpc()
const { musig2 } = mpc
const { Point } = secp256k1

const secrets = [1, 2, 3].map(() => schnorr.utils.randomSecretKey())
const proved = secrets.map((secret) => proveAdaptor(mpc, secret))
const points = proved.map(({ point }) => point)
const message = crypto.getRandomValues(new Uint8Array(32))
const secretKeys = signers(2)

/** A pre-signature for this adaptor, by two signers with nonces of its own. */
function preSigned(adaptor: Uint8Array) {
  const session = { pubkeys: pubkeysOf(secretKeys), sorted: true, message, adaptor }
  const preSignature = musig2.partialSigAgg(signed(musig2, secretKeys, session))
  return { publicKey: xonly(musig2, session), message, adaptor, preSignature }
}

const sumOf = (some: readonly Uint8Array[], of?: Uint8Array) =>
  musig2.sumSecrets({ secrets: new Map(some.map((secret, at) => [at + 1, secret])), ...(of && { of }) })

describe('an adaptor', () => {
  it('of one point is that point', () => {
    expect(adaptorsOf(mpc, { kind: 'one', point: points[0]! })).toEqual([points[0]])
  })

  it('that asks for all secrets is completed by all of them, and not by some', () => {
    const [adaptor, ...more] = adaptorsOf(mpc, { kind: 'all', points: proved })
    expect(more).toEqual([])
    const pre = preSigned(adaptor!)
    const signature = musig2.adapt({ ...pre, secret: sumOf(secrets) })
    expect(schnorr.verify(signature, message, pre.publicKey)).toBe(true)
    for (const some of [secrets.slice(1), secrets.slice(0, 2), secrets.slice(0, 1)])
      expectInvalid(() => musig2.adapt({ ...pre, secret: sumOf(some) }))
  })

  it('that asks for all gives the last secret to whoever knows the others', () => {
    const [adaptor] = adaptorsOf(mpc, { kind: 'all', points: proved })
    const pre = preSigned(adaptor!)
    const signature = musig2.adapt({ ...pre, secret: sumOf(secrets) })
    const whole = musig2.extract({ ...pre, signature })
    expect(sumOf(secrets.slice(0, 2), whole)).toEqual(secrets[2])
  })

  it('that asks for any is one pre-signature for each, completed by its own secret only', () => {
    const adaptors = adaptorsOf(mpc, { kind: 'any', points })
    expect(adaptors).toEqual(points)
    const all = adaptors.map((adaptor) => preSigned(adaptor))
    for (const [at, pre] of all.entries())
      for (const [nth, secret] of secrets.entries()) {
        if (nth === at) expect(schnorr.verify(musig2.adapt({ ...pre, secret }), message, pre.publicKey)).toBe(true)
        else expectInvalid(() => musig2.adapt({ ...pre, secret }))
      }
    expect(new Set(all.map(({ preSignature }) => preSignature.slice(0, 33).join())).size).toBe(3)
  })
})

describe('points that nobody should sign for are refused:', () => {
  const refused = (all: readonly ProvedPoint[]) => failureOf(() => adaptorsOf(mpc, { kind: 'all', points: all }))

  it('one that cancels the others out, since its maker cannot prove it', () => {
    const own = schnorr.utils.randomSecretKey()
    const mine = Point.fromBytes(secp256k1.getPublicKey(own, true))
    const point = mine.subtract(Point.fromBytes(points[0]!)).toBytes(true)
    // With it, the sum would be a point whose secret its maker knows alone.
    const sum = musig2.sumAdaptors({ adaptors: new Map([points[0]!, point].map((one, at) => [at + 1, one])) })
    expect(sum).toEqual(mine.toBytes(true))
    const { proof } = proveAdaptor(mpc, own)
    expectNamed(refused([proved[0]!, { point, proof }]), ['bad_package'], [2])
    expectNamed(refused([proved[0]!, { point, proof: proved[1]!.proof }]), ['bad_package'], [2])
  })

  it('those without a proof of their own, all of whom are named', () => {
    const [a, b, c] = proved as [ProvedPoint, ProvedPoint, ProvedPoint]
    expectNamed(refused([a, { ...b, proof: c.proof }, { ...c, proof: new Uint8Array(64) }]), ['bad_package'], [2, 3])
    const negated = Point.fromBytes(a.point).negate().toBytes(true)
    expectNamed(refused([{ ...a, point: negated }, b]), ['bad_package'], [1])
    expectNamed(refused([a, { ...b, proof: new Uint8Array(0) }]), ['bad_package'], [2])
  })

  it('those that are none', () => {
    for (const point of [
      new Uint8Array(33),
      new Uint8Array(0),
      points[0]!.slice(1),
      Uint8Array.of(5, ...points[0]!.slice(1)),
    ]) {
      const { proof } = proved[0]!
      expectNamed(refused([proved[1]!, { point, proof }]), ['bad_package'], [2])
      expectNamed(
        failureOf(() => adaptorsOf(mpc, { kind: 'any', points: [points[1]!, point] })),
        ['bad_package'],
        [2],
      )
      expectNamed(
        failureOf(() => adaptorsOf(mpc, { kind: 'one', point })),
        ['bad_package'],
        [1],
      )
    }
  })

  it('no point at all, and the same one twice', () => {
    expectInvalid(() => adaptorsOf(mpc, { kind: 'any', points: [] }))
    expectInvalid(() => adaptorsOf(mpc, { kind: 'all', points: [] }))
    expectInvalid(() => adaptorsOf(mpc, { kind: 'any', points: [points[0]!, points[0]!] }))
    expectInvalid(() => adaptorsOf(mpc, { kind: 'all', points: [proved[0]!, proved[0]!] }))
  })

  it('points and secrets that add up to nothing', () => {
    const [point, secret] = [points[0]!, secrets[0]!]
    const negated = Point.fromBytes(point).negate().toBytes(true)
    const negative = Point.Fn.toBytes(Point.Fn.neg(Point.Fn.fromBytes(secret)))
    expectInvalid(() =>
      musig2.sumAdaptors({
        adaptors: new Map([
          [1, point],
          [2, negated],
        ]),
      }),
    )
    expectInvalid(() => sumOf([secret, negative]))
    expectInvalid(() => sumOf([secret], secret))
    expectNamed(
      failureOf(() => sumOf([secret, new Uint8Array(32)])),
      ['bad_package'],
      [2],
    )
  })
})
