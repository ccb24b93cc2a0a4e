import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { encode } from '@quorate/shared/crypto/cbor'
import type { EncryptionContext, SealingKms } from '../kms.ts'

/**
 * A key service that encrypts and decrypts and gives no data keys. `bound` is authenticated with the ciphertext: the same must be
 * given to open it. Throws as `SealingKms` does.
 */
export type KeyWrapper = Readonly<{
  /** How its provider names the one key, with its version where there is one. */
  keyId: string
  wrap: (secret: Uint8Array, bound: Uint8Array) => Promise<Uint8Array>
  unwrap: (wrapped: Uint8Array, bound: Uint8Array) => Promise<Uint8Array>
  random: (length: number) => Promise<Uint8Array>
}>

/** What a data key is bound to: the key that wraps it, and the pairs of its context, which are a set. */
const boundTo = (keyId: string, context: EncryptionContext): Uint8Array =>
  encode(['sealing', 1, keyId, Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))])

/** Data keys that the enclave draws itself and has wrapped. Who may ask the service to unwrap, has them. */
export const sealByWrapping = ({ keyId, wrap, unwrap, random }: KeyWrapper): SealingKms => ({
  generateDataKey: async (context) => {
    const plaintext = randomBytes(32)
    try {
      return { plaintext, ciphertext: await wrap(plaintext, boundTo(keyId, context)), keyId }
    } catch (error) {
      plaintext.fill(0)
      throw error
    }
  },
  decrypt: async (ciphertext, context) => {
    const plaintext = await unwrap(ciphertext, boundTo(keyId, context))
    if (plaintext.length === 32) return { plaintext, keyId }
    plaintext.fill(0)
    throw new Refusal('kms.invalid')
  },
  random: async (length) => {
    const bytes = await random(length)
    if (bytes.length !== length) throw new Refusal('kms.invalid')
    return bytes
  },
})
