import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openEnvelope } from '../src/platform/cms-envelope.ts'

const vector = (name: string) =>
  readFileSync(new URL(`../../shared/test/vectors/kms-cms/edgebit_${name}`, import.meta.url))
const envelope = new Uint8Array(vector('ciphertext_for_recipient.ber'))
const key = createPrivateKey(vector('public_test_rsa_key.pem'))
const plaintext = vector('expected_plaintext.hex').toString().trim()
const refused = expect.objectContaining({ code: 'kms.invalid' }) as Error

const replace = (from: string, to: string) =>
  Buffer.from(Buffer.from(envelope).toString('hex').replace(from, to), 'hex')

describe('the genuine envelope of KMS', () => {
  it('opens to the data key that was published with it', () => {
    expect(Buffer.from(openEnvelope(envelope, key)).toString('hex')).toBe(plaintext)
  })

  it('never opens to the same key, and never with another refusal, with a byte flipped outside the version octets', () => {
    for (let i = 0; i < envelope.length; i++) {
      const flipped = Uint8Array.from(envelope)
      flipped[i]! ^= 1
      let opened = ''
      try {
        opened = Buffer.from(openEnvelope(flipped, key)).toString('hex')
      } catch (error) {
        expect(error).toEqual(refused)
      }
      expect(opened, `byte ${i}`).not.toBe(plaintext)
    }
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
    ['a recipient of version 0', '3082016702010280', '3082016702010080'],
    ['a length of 1 GiB', '3182016b', '3184400000'],
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
