import { cbc } from '@noble/ciphers/aes.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '../errors.ts'
import { readBase64, readUtf8, toBase64, toUtf8 } from '../wire/bytes.ts'
import { longestMessage } from './nip44-padding.ts'
import { longestPayload } from './nip44.ts'

const BLOCK = 16
const separator = '?iv='

/**
 * NIP-04: AES-256-CBC with PKCS #7, as `base64?iv=base64`. The key is x of the shared point (32 bytes) as it is. Takes up to 1 MiB of
 * UTF-8. Throws `nostr.size`, and `content.invalid` for half a surrogate pair. `iv` (16 bytes) is for vectors.
 */
export function encryptNip04(message: string, x: Uint8Array, iv = randomBytes(BLOCK)): string {
  checkKey(x)
  const plaintext = toUtf8(message)
  try {
    if (plaintext.length > longestMessage) throw new Refusal('nostr.size')
    return `${toBase64(cbc(x, iv).encrypt(plaintext))}${separator}${toBase64(iv)}`
  } finally {
    plaintext.fill(0)
  }
}

/**
 * Inverse of `encryptNip04`. Nothing proves who wrote it, or that nobody changed it: NIP-04 has no MAC. Throws `nostr.size`, and
 * `seal.invalid` for any other form, a wrong padding and what is no UTF-8 alike.
 */
export function decryptNip04(payload: string, x: Uint8Array): string {
  checkKey(x)
  if (payload.length > longestPayload) throw new Refusal('nostr.size')
  const [ciphertext, iv, ...more] = payload.split(separator).map(readBase64)
  if (!ciphertext || !iv || more.length > 0) throw new Refusal('seal.invalid')
  const plaintext = decipher(ciphertext, iv, x)
  const message = plaintext === null ? null : readUtf8(plaintext)
  plaintext?.fill(0)
  if (message === null) throw new Refusal('seal.invalid')
  return message
}

/** AES takes shorter keys too, and NIP-04 does not. */
function checkKey(x: Uint8Array): void {
  if (x.length !== 32) throw new TypeError('x has 32 bytes')
}

/** Null for a wrong padding, and for an IV or a ciphertext of another length. */
function decipher(ciphertext: Uint8Array, iv: Uint8Array, x: Uint8Array): Uint8Array | null {
  try {
    return cbc(x, iv).decrypt(ciphertext)
  } catch {
    return null
  }
}
