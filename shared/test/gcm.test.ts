import { describe, expect, it } from 'vitest'
import * as node from '../src/crypto/gcm.node.ts'
import * as web from '../src/crypto/gcm.web.ts'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

// The Galois/Counter Mode of Operation (McGrew, Viega), appendix B, test case 16.
const key = bytes('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308')
const nonce = bytes('cafebabefacedbaddecaf888')
const aad = bytes('feedfacedeadbeeffeedfacedeadbeefabaddad2')
const plaintext = bytes(
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
)
const sealed = bytes(
  '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
    '76fc6ece0f4e1768cddf8853bb2d551b',
)

describe.each([
  ['node:crypto', node],
  ['noble', web],
])('AES-256-GCM by %s', (_, { encryptGcm, decryptGcm }) => {
  it('gives the published ciphertext and tag, and opens it', () => {
    expect(encryptGcm(key, nonce, aad, plaintext)).toEqual(sealed)
    expect(decryptGcm(key, nonce, aad, sealed)).toEqual(plaintext)
  })

  it('seals nothing at all, and opens it', () => {
    const empty = encryptGcm(key, nonce, aad, new Uint8Array(0))
    expect(empty).toHaveLength(16)
    expect(decryptGcm(key, nonce, aad, empty)).toEqual(new Uint8Array(0))
  })

  it('opens nothing whose tag, data or associated data is another', () => {
    for (let at = 0; at < sealed.length; at += 1) {
      const other = Uint8Array.from(sealed)
      other[at] = (other[at] ?? 0) ^ 1
      expect(() => decryptGcm(key, nonce, aad, other)).toThrow()
    }
    expect(() => decryptGcm(key, nonce, bytes('00'), sealed)).toThrow()
  })
})
