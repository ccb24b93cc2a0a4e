import { chacha20 } from '@noble/ciphers/chacha.js'
import { equalBytes } from '@noble/ciphers/utils.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Refusal } from '../errors.ts'
import { readBase64, readUtf8, toBase64, toUtf8 } from '../wire/bytes.ts'
import { longestMessage, pad, paddedLength, prefixLength, unpad } from './nip44-padding.ts'

const VERSION = 2
const NONCE = 32
const MAC = 32
const OVERHEAD = 1 + NONCE + MAC
/** The shortest padded message is 34 bytes long. */
const SHORTEST = OVERHEAD + 34
const LONGEST = OVERHEAD + prefixLength(longestMessage) + paddedLength(longestMessage)

const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4

/** The most characters of a payload that is read. */
export const longestPayload = base64Length(LONGEST)

/** NIP-44's conversation key (version 2) from the x of a shared point (32 bytes): 32 bytes, as secret as the point. */
export const conversationKeyOf = (x: Uint8Array): Uint8Array => extract(sha256, x, utf8ToBytes('nip44-v2'))

type MessageKeys = Readonly<{ cipher: Uint8Array; cipherNonce: Uint8Array; mac: Uint8Array }>

/** Lends the keys of one message, and wipes them. */
export function withMessageKeys<T>(conversationKey: Uint8Array, nonce: Uint8Array, use: (keys: MessageKeys) => T): T {
  if (conversationKey.length !== 32 || nonce.length !== NONCE) throw new TypeError('key and nonce have 32 bytes each')
  const all = expand(sha256, conversationKey, nonce, 76)
  try {
    return use({ cipher: all.subarray(0, 32), cipherNonce: all.subarray(32, 44), mac: all.subarray(44) })
  } finally {
    all.fill(0)
  }
}

const macOf = (macKey: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  hmac.create(sha256, macKey).update(nonce).update(ciphertext).digest()

/**
 * NIP-44, version 2, with the form for long messages of 2026-06-28. Takes 1 byte to 1 MiB of UTF-8. `nonce` (32 bytes) is for vectors:
 * one that comes twice gives both messages away. Throws `nostr.size`, and `content.invalid` for half a surrogate pair.
 */
export function encryptNip44(message: string, conversationKey: Uint8Array, nonce = randomBytes(NONCE)): string {
  const padded = padText(message)
  try {
    return withMessageKeys(conversationKey, nonce, (keys) => {
      const ciphertext = chacha20(keys.cipher, keys.cipherNonce, padded)
      return toBase64(concatBytes(Uint8Array.of(VERSION), nonce, ciphertext, macOf(keys.mac, nonce, ciphertext)))
    })
  } finally {
    padded.fill(0)
  }
}

function padText(message: string): Uint8Array {
  const plaintext = toUtf8(message)
  try {
    return pad(plaintext)
  } finally {
    plaintext.fill(0)
  }
}

/** Nonce, ciphertext and MAC of a payload. Its length is looked at before anything is decoded. */
function readPayload(payload: string): Readonly<Record<'nonce' | 'ciphertext' | 'mac', Uint8Array>> {
  if (payload.startsWith('#')) throw new Refusal('nostr.version')
  if (payload.length < base64Length(SHORTEST) || payload.length > longestPayload) throw new Refusal('nostr.size')
  const bytes = readBase64(payload)
  if (bytes === null) throw new Refusal('seal.invalid')
  if (bytes[0] !== VERSION) throw new Refusal('nostr.version')
  if (bytes.length < SHORTEST) throw new Refusal('nostr.size')
  const end = bytes.length - MAC
  const nonce = bytes.subarray(1, 1 + NONCE)
  return { nonce, ciphertext: bytes.subarray(1 + NONCE, end), mac: bytes.subarray(end) }
}

/**
 * Inverse of `encryptNip44`. Throws `nostr.version` for any other version than 2, `nostr.size`, and `seal.invalid` for what was not
 * encrypted with this key, or is no UTF-8. The MAC is compared in constant time, before anything is decrypted.
 */
export function decryptNip44(payload: string, conversationKey: Uint8Array): string {
  const { nonce, ciphertext, mac } = readPayload(payload)
  return withMessageKeys(conversationKey, nonce, (keys) => {
    if (!equalBytes(macOf(keys.mac, nonce, ciphertext), mac)) throw new Refusal('seal.invalid')
    return readPadded(chacha20(keys.cipher, keys.cipherNonce, ciphertext))
  })
}

function readPadded(padded: Uint8Array): string {
  try {
    const plaintext = unpad(padded)
    const message = plaintext === null ? null : readUtf8(plaintext)
    if (message === null) throw new Refusal('seal.invalid')
    return message
  } finally {
    padded.fill(0)
  }
}
