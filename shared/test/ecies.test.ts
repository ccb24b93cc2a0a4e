import { secp256k1 } from '@noble/curves/secp256k1.js'
import { loadMpc } from '@quorate/shared/mpc'
import { decrypt, encrypt } from 'eciesjs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSealed, sealTo } from '../src/crypto/ecies.ts'

const { secp256k1: curve } = await loadMpc()
const secret = secp256k1.utils.randomSecretKey()
const publicKey = secp256k1.getPublicKey(secret, true)

describe('ECIES in the format of eciesjs', () => {
  it('opens what eciesjs sealed, and eciesjs opens what it sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (plaintext) => {
        expect([...openSealed(curve, secret, encrypt(publicKey, plaintext))]).toEqual([...plaintext])
        expect([...decrypt(secret, sealTo(curve, publicKey, plaintext))]).toEqual([...plaintext])
      }),
      { numRuns: 10 },
    )
  })

  it('refuses every flipped bit, another key, a short blob and a point that is none', () => {
    const sealed = sealTo(curve, publicKey, new TextEncoder().encode('share'))
    const refused: unknown = expect.objectContaining({ code: 'seal.invalid' })
    for (let at = 0; at < sealed.length; at += 1) {
      const flipped = Uint8Array.from(sealed)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      expect(() => openSealed(curve, secret, flipped)).toThrow(refused)
    }
    expect(() => openSealed(curve, secp256k1.utils.randomSecretKey(), sealed)).toThrow(refused)
    for (const length of [0, 64, 65, 96])
      expect(() => openSealed(curve, secret, sealed.subarray(0, length))).toThrow(refused)
  })
})
