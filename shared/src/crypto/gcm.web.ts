import { gcm } from '@noble/ciphers/aes.js'

/** AES-256-GCM (NIST SP 800-38D): ciphertext ‖ tag. All is borrowed. WebCrypto's is for promises alone, and seals in no transaction. */
export const encryptGcm = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array =>
  gcm(key, nonce, aad).encrypt(plaintext)

/** Inverse of `encryptGcm`. Throws a plain Error when the tag is wrong. */
export const decryptGcm = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array =>
  gcm(key, nonce, aad).decrypt(sealed)
