import { decryptGcm, encryptGcm } from '#gcm'
import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '../errors.ts'
import { encode } from './cbor.ts'

const NONCE = 12
const TAG = 16

/**
 * AES-256-GCM (NIST SP 800-38D) as nonce ‖ ciphertext ‖ tag, with a random 96-bit nonce. `context` says what this is and
 * where it belongs; it goes into the associated data, so that a blob opens in its own place only.
 */
export function sealWith(key: Uint8Array, context: readonly (string | number)[], plaintext: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE)
  const ciphertext = encryptGcm(key, nonce, encode(context), plaintext)
  const sealed = new Uint8Array(NONCE + ciphertext.length)
  sealed.set(nonce)
  sealed.set(ciphertext, NONCE)
  return sealed
}

/** Inverse of `sealWith`. Throws `seal.invalid` for whatever was not sealed with this key for this context. */
export function openWith(key: Uint8Array, context: readonly (string | number)[], sealed: Uint8Array): Uint8Array {
  if (sealed.length < NONCE + TAG) throw new Refusal('seal.invalid')
  try {
    return decryptGcm(key, sealed.subarray(0, NONCE), encode(context), sealed.subarray(NONCE))
  } catch {
    throw new Refusal('seal.invalid')
  }
}
