import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type AggregateKey, type KeyTweak } from '../src/index.ts'
import { pubkeysOf, signed, signers, taggedHash, xonly, type Signers } from './musig.ts'
import { bip341 } from './bip341.ts'
import { hex } from './vectors.ts'

const { musig2 } = await loadMpc()
const { Point } = secp256k1
const { Fn } = Point

const spendings = bip341.keyPathSpending.flatMap((one) => one.inputSpending)

const toScalar = (bytes: Uint8Array) => Fn.create(BigInt(`0x${bytesToHex(bytes)}`))

/** The secret of two signers' aggregate key, by the referee: the second key's coefficient is 1. */
function aggregateSecret(secretKeys: Signers): bigint {
  const [first, second] = [...pubkeysOf(secretKeys).values()]
  const coefficient = taggedHash('KeyAgg coefficient', taggedHash('KeyAgg list', first!, second!), first!)
  const [x1, x2] = [...secretKeys.values()].map(toScalar)
  return Fn.add(Fn.mul(toScalar(coefficient), x1!), x2!)
}

/** Two signers, and the plain tweak that makes a published internal key of their aggregate key. */
function signersOf(internalPrivkey: string): { secretKeys: Signers; key: AggregateKey; toInternal: KeyTweak } {
  const secretKeys = signers(2)
  const tweak = Fn.toBytes(Fn.sub(toScalar(hex(internalPrivkey)), aggregateSecret(secretKeys)))
  return { secretKeys, key: { pubkeys: pubkeysOf(secretKeys) }, toInternal: { kind: 'plain', tweak } }
}

const taproot = (merkleRoot: string | null): KeyTweak => ({ kind: 'taproot', tweak: hex(merkleRoot ?? '') })

describe('BIP-341', () => {
  it.each(bip341.scriptPubKey)('gives $given.internalPubkey its output key', ({ given, intermediary }) => {
    // Every internal key of this table has its private key in the other one.
    const known = spendings.find((one) => one.intermediary.internalPubkey === given.internalPubkey)!
    const { key, toInternal } = signersOf(known.given.internalPrivkey)
    expect(xonly(musig2, { ...key, tweaks: [toInternal] })).toEqual(hex(given.internalPubkey))
    const tweaks = [toInternal, taproot(intermediary.merkleRoot)]
    expect(xonly(musig2, { ...key, tweaks })).toEqual(hex(intermediary.tweakedPubkey))
  })

  it.each(spendings)('spends by key path from $given.internalPrivkey', ({ given, intermediary }) => {
    const { secretKeys, key, toInternal } = signersOf(given.internalPrivkey)
    const message = hex(intermediary.sigHash)
    const tweaks = [toInternal, taproot(given.merkleRoot)]
    const signature = musig2.partialSigAgg(signed(musig2, secretKeys, { ...key, tweaks, message }))
    const outputKey = schnorr.getPublicKey(hex(intermediary.tweakedPrivkey))
    expect(xonly(musig2, { ...key, tweaks })).toEqual(outputKey)
    expect(schnorr.verify(signature, message, outputKey)).toBe(true)
    expect(schnorr.verify(signature, message, hex(intermediary.internalPubkey))).toBe(false)
  })

  it('has seven of each, with a script tree and without', () => {
    expect([bip341.scriptPubKey.length, spendings.length]).toEqual([7, 7])
    const roots = bip341.scriptPubKey.map(({ intermediary }) => intermediary.merkleRoot)
    expect(roots.filter((root) => root === null)).toHaveLength(1)
  })

  it('tweaks an aggregate key as it tweaks a key of FROST', async () => {
    const tr = (await loadMpc()).frost('frost-secp256k1-tr')
    const key = { pubkeys: pubkeysOf(signers(3)), sorted: true }
    const groupKey = xonly(musig2, key)
    for (const tweak of [new Uint8Array(0), crypto.getRandomValues(new Uint8Array(32))]) {
      const ours = xonly(musig2, { ...key, tweaks: [{ kind: 'taproot', tweak }] })
      expect(ours).toEqual(tr.tweakedKey({ groupKey, tweak: { kind: 'taproot', tweak } }))
      expect(ours).not.toEqual(groupKey)
    }
  })
})
