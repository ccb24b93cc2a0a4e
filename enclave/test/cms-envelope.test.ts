import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { describe, expect, it } from 'vitest'
import { openEnvelope } from '../src/platform/cms-envelope.ts'

const vector = (name: string) =>
  readFileSync(new URL(`../../shared/test/vectors/kms-cms/edgebit_${name}`, import.meta.url))
const envelope = new Uint8Array(vector('ciphertext_for_recipient.ber'))
const key = createPrivateKey(vector('public_test_rsa_key.pem'))
const plaintext = vector('expected_plaintext.hex').toString().trim()
const rightKey = Uint8Array.from(Buffer.from(plaintext, 'hex'))
const [place, secret] = [['root'], Uint8Array.of(1, 2, 3)]
const sealed = sealWith(rightKey, place, secret)
const refused = expect.objectContaining({ code: 'kms.invalid' }) as Error

const replace = (from: string, to: string) =>
  Buffer.from(Buffer.from(envelope).toString('hex').replace(from, to), 'hex')

describe('the genuine envelope of KMS', () => {
  it('opens to the data key that was published with it', () => {
    expect(Buffer.from(openEnvelope(envelope, key)).toString('hex')).toBe(plaintext)
  })

  it('is refused with any bit flipped, but for those of IV and content, with which it opens to another key', () => {
    const opened: [number, Uint8Array][] = []
    for (let bit = 0; bit < 8 * envelope.length; bit++) {
      const flipped = Uint8Array.from(envelope)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      try {
        opened.push([bit, openEnvelope(flipped, key)])
      } catch (error) {
        expect(error, `bit ${bit}`).toEqual(refused)
      }
    }
    // AES-CBC authenticates nothing: 128 bits of the IV, and 128 of the first of three blocks. The others break the padding, and with one
    // the last block ends like a padding of one byte by chance: what is then there is too long to be a key, and refused as such.
    expect(opened.filter(([, { length }]) => length !== 32).map(([bit, { length }]) => [bit, length])).toEqual([
      [3786, 47],
    ])
    const keys = opened.filter(([, { length }]) => length === 32)
    const bits = (from: number, to: number) => Array.from({ length: 8 * (to - from) }, (_, n) => 8 * from + n)
    expect(keys.map(([bit]) => bit)).toEqual([...bits(415, 431), ...bits(435, 451)])
    for (const [bit, wrong] of keys) {
      expect(Buffer.from(wrong).toString('hex'), `bit ${bit}`).not.toBe(plaintext)
      // What is sealed under the right key does not open under a wrong one: that is where it is found out.
      expect(() => openWith(wrong, place, sealed), `bit ${bit}`).toThrow()
    }
    expect(openWith(rightKey, place, sealed)).toEqual(secret)
  })

  it('is refused cut short at any byte, and with a byte behind it', () => {
    for (let length = 0; length < envelope.length; length++) {
      expect(() => openEnvelope(envelope.subarray(0, length), key)).toThrow(refused)
    }
    expect(() => openEnvelope(Uint8Array.from([...envelope, 0]), key)).toThrow(refused)
  })

  it('is refused by another key', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(() => openEnvelope(envelope, privateKey)).toThrow(refused)
  })

  it.each([
    ['SHA-1 for its hash', '0609608648016503040201', '06092b0e03021a00000000'],
    ['AES-128', '60864801650304012a', '608648016503040102'],
    ['another version', '80020102', '80020103'],
    ['a recipient of version 0', '3082016702010280', '3082016702010080'],
    ['a length of 1 GiB', '3182016b', '3184400000'],
    ['a length of 16 MiB', '3182016b', '3183ffffff'],
  ])('is refused with %s', (_, from, to) => {
    const changed = replace(from, to)
    expect(changed.equals(envelope)).toBe(false)
    expect(() => openEnvelope(changed, key)).toThrow(refused)
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['deep nesting', new Uint8Array(8000).fill(0x30)],
    ['endless nesting', Uint8Array.from({ length: 8000 }, (_, i) => (i % 2 === 0 ? 0x30 : 0x80))],
    ['too much', new Uint8Array(9000)],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => openEnvelope(bytes, key)).toThrow(refused)
  })
})
