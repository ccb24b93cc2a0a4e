import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type KeyTweak } from '../src/index.ts'
import { dkg, partials, quorums, sign } from './ceremony.ts'
import { expectFailure } from './failing.ts'
import { vectorJson, hex } from './vectors.ts'

/*
 * Plain and x-only tweaks of a group key. Its Y is even, so that they are the same, which is not so for MuSig2.
 */
const { Point } = secp256k1
const { Fn } = Point
const tr = (await loadMpc()).frost('frost-secp256k1-tr')
const key = dkg(tr, 3, 2)
const { groupKey } = tr.describe({ publicKeys: key.publicKeys.get(1)! })
const lifted = schnorr.utils.lift_x(BigInt(`0x${bytesToHex(groupKey)}`))
const message = new Uint8Array(32).fill(5)

const kinds = ['plain', 'xonly'] as const
const published = (vectorJson('bip327/tweak_vectors.json') as { tweaks: string[] }).tweaks.map(hex)
const inOrder = published.filter((tweak) => BigInt(`0x${bytesToHex(tweak)}`) < Fn.ORDER)

/** By the referee: x of P + t·G. */
function referee(tweak: Uint8Array): Uint8Array {
  const scalar = BigInt(`0x${bytesToHex(tweak)}`)
  return lifted
    .add(scalar === 0n ? Point.ZERO : Point.BASE.multiply(scalar))
    .toBytes(true)
    .slice(1)
}

describe('a group key of FROST', () => {
  it.each(kinds)('signs with every quorum under its %s tweak', (kind) => {
    const tweaks = [...inOrder, Fn.toBytes(1n), Fn.toBytes(Fn.ORDER - 1n)]
    expect(tweaks.length).toBeGreaterThan(4)
    for (const tweak of tweaks) {
      const publicKey = tr.tweakedKey({ groupKey, tweak: { kind, tweak } })
      expect(publicKey).toEqual(referee(tweak))
      for (const quorum of quorums(3, 2))
        expect(schnorr.verify(sign(tr, key, quorum, message, { kind, tweak }), message, publicKey)).toBe(true)
    }
  })

  it('names who signs under another tweak, or none', () => {
    const own: KeyTweak = { kind: 'plain', tweak: Fn.toBytes(7n) }
    const others: (KeyTweak | null)[] = [null, { ...own, tweak: Fn.toBytes(8n) }, { kind: 'taproot', tweak: own.tweak }]
    const signed = partials(tr, key, [1, 2], message, own)
    for (const other of others) {
      const nonces = tr.commit({ share: key.shares.get(2)! })
      const commitments = new Map(signed.commitments).set(2, nonces.commitments)
      const wrong = tr.sign({ share: key.shares.get(2)!, nonces: nonces.nonces, commitments, message, tweak: other })
      const all = new Map(signed.partials).set(2, wrong)
      const publicKeys = key.publicKeys.get(1)!
      expectFailure(
        () => tr.aggregate({ publicKeys, commitments, message, tweak: own, partials: all }),
        'bad_partial',
        [1, 2],
      )
      const index = 2
      expect(tr.verifyPartial({ publicKeys, index, commitments, partial: wrong, message, tweak: own })).toBe(false)
    }
  })

  it.each(kinds)('refuses a %s tweak from the order on, and one that makes it infinity', (kind) => {
    const secretKey = schnorr.utils.randomSecretKey()
    const dealt = tr.dealerSplit({ secretKey, participants: 2, threshold: 2 })
    const own = tr.describe(dealt).groupKey
    const even = Point.fromBytes(secp256k1.getPublicKey(secretKey, true)).y % 2n === 0n
    const secret = BigInt(`0x${bytesToHex(secretKey)}`)
    const away = Fn.toBytes(even ? Fn.ORDER - secret : secret)
    const whole = (2n ** 256n - 1n).toString(16)
    const publicKeys = new Map([1, 2].map((index) => [index, dealt.publicKeys]))
    for (const tweak of [away, hex(Fn.ORDER.toString(16)), hex(whole)]) {
      expectFailure(() => tr.tweakedKey({ groupKey: own, tweak: { kind, tweak } }), 'invalid_input')
      expectFailure(
        () => partials(tr, { shares: dealt.shares, publicKeys }, [1, 2], message, { kind, tweak }),
        'invalid_input',
      )
    }
  })
})
