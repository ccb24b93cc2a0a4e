import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { expect, it } from 'vitest'
import { loadMpc } from '../mpc/src/index.ts'
import { makeOf, schemeOf } from '../src/schemes/cryptography.ts'
import { taskOf, type TaskKey } from '../src/verify/task.ts'
import { toHex } from '../src/wire/bytes.ts'
import type { Item } from '../src/wire/content.ts'
import { aggregatePointOf, sortedKeys } from './bip327.ts'
import { contributing, get, having, indicesTo, member, runAll } from './schemes/run.ts'

/*
 * What an item asks of a key. A tweak that makes no key is refused by hosts as by the SDK, which both ask here.
 */
const mpc = await loadMpc()
const { Fn } = secp256k1.Point
const drawn = () => schnorr.utils.randomSecretKey()
const publicKeyOf = (secretKey: Uint8Array) => secp256k1.getPublicKey(secretKey, true)

function dealtKey(secretKey: Uint8Array): TaskKey {
  const scheme = 'frost-secp256k1-tr'
  const { publicKeys } = makeOf(mpc, scheme, 'deal')({ secretKey, participants: 2, threshold: 2 })
  return { scheme, publicKeys, groupKey: schemeOf(mpc, scheme).describe(publicKeys).groupKey }
}

/** Of these secret keys. */
function contributedKey(secretKeys: ReadonlyMap<number, Uint8Array>): TaskKey {
  const scheme = 'musig2'
  const size = secretKeys.size
  const protocol = contributing(having(schemeOf(mpc, scheme).make.contribute), secretKeys)
  const { publicKeys } = get(
    runAll(protocol, indicesTo(size), member(size, size), () => null),
    1,
  )
  return { scheme, publicKeys, groupKey: schemeOf(mpc, scheme).describe(publicKeys).groupKey }
}

const tweaked = (tweak: Uint8Array, xonly: boolean): Item => ({
  content: { type: 'bytes', bytes: 'ab' },
  mode: { kind: 'tweak', xonly, tweak: toHex(tweak) },
})
const refused = expect.objectContaining({ code: 'tweak.invalid' }) as Error

it.each([true, false])('a tweak that takes a key of FROST to infinity is refused, x-only: %s', (xonly) => {
  for (let nth = 0; nth < 4; nth += 1) {
    const secretKey = drawn()
    const secret = Fn.fromBytes(secretKey)
    const away = Fn.toBytes(publicKeyOf(secretKey)[0] === 2 ? Fn.neg(secret) : secret)
    const key = dealtKey(secretKey)
    expect(() => taskOf(mpc, key, new Uint8Array(32), tweaked(away, xonly))).toThrow(refused)
  }
})

it('a tweak that takes a key of MuSig2 to infinity is refused, of either Y', () => {
  const ys = new Set<number>()
  for (let nth = 0; nth < 20 && ys.size < 2; nth += 1) {
    const [one, other] = [drawn(), drawn()]
    const point = aggregatePointOf(sortedKeys([one, other].map(publicKeyOf)))
    ys.add(point[0]!)
    const key = contributedKey(
      new Map([
        [1, one],
        [2, other],
      ]),
    )
    expect(key.groupKey).toEqual(point.slice(1))
    const secret = aggregateSecret(one, other, point)
    const away = Fn.toBytes(Fn.neg(secret))
    expect(() => taskOf(mpc, key, new Uint8Array(32), tweaked(away, false))).toThrow(refused)
    const even = Fn.toBytes(point[0] === 2 ? Fn.neg(secret) : secret)
    expect(() => taskOf(mpc, key, new Uint8Array(32), tweaked(even, true))).toThrow(refused)
  }
  expect(ys.size).toBe(2)
})

/** The secret of the aggregate of two keys: that of BIP-327's coefficients, of which the second key's is 1. */
function aggregateSecret(one: Uint8Array, other: Uint8Array, point: Uint8Array): bigint {
  const sorted = [one, other].sort((a, b) => Buffer.compare(publicKeyOf(a), publicKeyOf(b)))
  const [first, second] = sorted as [Uint8Array, Uint8Array]
  const list = schnorr.utils.taggedHash('KeyAgg list', publicKeyOf(first), publicKeyOf(second))
  const coefficient = Fn.create(
    BigInt(`0x${toHex(schnorr.utils.taggedHash('KeyAgg coefficient', list, publicKeyOf(first)))}`),
  )
  const secret = Fn.add(Fn.mul(coefficient, Fn.fromBytes(first)), Fn.fromBytes(second))
  expect(publicKeyOf(Fn.toBytes(secret))).toEqual(point)
  return secret
}
