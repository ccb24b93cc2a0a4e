import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Refusal } from '../errors.ts'

/**
 * The one file where bytes become text: hex for keys, digests, ids and signatures, base64url for sealed blobs and documents.
 * Nostr's encrypted payloads are in base64 with padding.
 */
export const toHex = bytesToHex
export const fromHex = hexToBytes

/** The runtime's own coding (ES2026) where it has one: forty times as fast, and Node 20 has none. */
const native = Uint8Array as unknown as {
  fromBase64?: (text: string, options: { alphabet: 'base64url' }) => Uint8Array
  prototype: { toBase64?: (options: { alphabet: 'base64url'; omitPadding: true }) => string }
}

/** Unpadded base64url (RFC 4648 §5). */
export function toBase64url(bytes: Uint8Array): string {
  if (native.prototype.toBase64)
    return native.prototype.toBase64.call(bytes, { alphabet: 'base64url', omitPadding: true })
  let binary = ''
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Inverse of `toBase64url`; the text must have passed the `Base64url` schema. */
export function fromBase64url(text: string): Uint8Array {
  if (native.fromBase64) return native.fromBase64(text, { alphabet: 'base64url' })
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}

/** Base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  const text = toBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Whole groups of four, and no bit set that the padding drops: each byte string has this one form. */
const base64 = /^[A-Za-z0-9+/]*(?:[AQgw]==|[AEIMQUYcgkosw048]=)?$/

/** Inverse of `toBase64`. Null for any other text. */
export function readBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !base64.test(text)) return null
  return fromBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
}

/** Has each half of a surrogate pair its other half? Only then has the text an encoding in UTF-8 (Unicode §3.9). */
export const isWholeText = (text: string): boolean => text.isWellFormed()

/** UTF-8 of a text. Throws `content.invalid` for one with half a surrogate pair, for which the runtime would write U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  if (!isWholeText(text)) throw new Refusal('content.invalid')
  return utf8ToBytes(text)
}

/** The text of well-formed UTF-8, with a byte order mark where one stands. Null for other bytes. */
export function readUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
