import { createHmac } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { numberToBytesBE } from '@noble/curves/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { loadMpc, type KeyTweak } from '../src/index.ts'
import { hex, vectorJson } from './vectors.ts'

const { musig2 } = await loadMpc()

describe('BIP-328', () => {
  type Case = { aggregate_pubkey: string; keys: string[]; xpub: string }
  const cases = vectorJson('bip328/vectors.json') as Case[]
  const CHAIN_CODE = sha256(utf8ToBytes('MuSig2MuSig2MuSig2'))
  const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

  /** Version 0488b21e, depth 0, no parent, child 0, then chain code and key; base58 with a checksum. */
  function xpubOf(key: Uint8Array): string {
    const bytes = concatBytes(hex('0488b21e'), new Uint8Array(9), CHAIN_CODE, key)
    let value = BigInt(`0x${bytesToHex(concatBytes(bytes, sha256(sha256(bytes)).slice(0, 4)))}`)
    let text = ''
    for (; value > 0n; value /= 58n) text = `${ALPHABET[Number(value % 58n)]!}${text}`
    return text
  }

  it.each(cases)('gives $aggregate_pubkey its synthetic xpub', ({ aggregate_pubkey, keys, xpub }) => {
    const key = musig2.keyAgg({ pubkeys: new Map(keys.map((one, at) => [at + 1, hex(one)])) })
    expect(key).toEqual(hex(aggregate_pubkey))
    expect(xpubOf(key)).toBe(xpub)
  })

  it.each(cases)('derives children of $aggregate_pubkey by plain tweaks, as BIP-32 has it', ({ keys }) => {
    const pubkeys = new Map(keys.map((one, at) => [at + 1, hex(one)]))
    const tweaks: KeyTweak[] = []
    let [chainCode, parent] = [CHAIN_CODE, musig2.keyAgg({ pubkeys })]
    for (const child of [0, 7]) {
      const digest = createHmac('sha512', chainCode).update(parent).update(numberToBytesBE(child, 4)).digest()
      const [left, right] = [new Uint8Array(digest.subarray(0, 32)), new Uint8Array(digest.subarray(32))]
      const scalar = BigInt(`0x${bytesToHex(left)}`)
      const expected = secp256k1.Point.BASE.multiply(scalar).add(secp256k1.Point.fromBytes(parent)).toBytes(true)
      tweaks.push({ kind: 'plain', tweak: left })
      expect(musig2.keyAgg({ pubkeys, tweaks })).toEqual(expected)
      ;[chainCode, parent] = [right, expected]
    }
  })

  it('has three cases', () => expect(cases).toHaveLength(3))
})
