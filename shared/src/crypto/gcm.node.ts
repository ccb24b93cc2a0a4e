import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Bytes. */
const TAG = 16
const options = { authTagLength: TAG }

/** AES-256-GCM (NIST SP 800-38D): ciphertext ‖ tag. All is borrowed. */
export function encryptGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, options)
  cipher.setAAD(aad)
  const sealed = new Uint8Array(plaintext.length + TAG)
  sealed.set(cipher.update(plaintext))
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
  return sealed
}

/** Inverse of `encryptGcm`, for at least a tag. Throws a plain Error when the tag is wrong; nothing of the plaintext is left then. */
export function decryptGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, options)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
  const opened = decipher.update(sealed.subarray(0, sealed.length - TAG))
  try {
    decipher.final()
  } catch (error) {
    opened.fill(0)
    throw error
  }
  return new Uint8Array(opened.buffer, opened.byteOffset, opened.length)
}
