import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Refusal } from '../errors.ts'

/** The one file where bytes become text: hex for keys, digests, ids and signatures, base64url for sealed blobs and documents. */
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

/** Has each half of a surrogate pair its other half? Only then has the text an encoding in UTF-8 (Unicode §3.9). */
export const isWholeText = (text: string): boolean => text.isWellFormed()

/** UTF-8 of a text. Throws `content.invalid` for one with half a surrogate pair, for which the runtime would write U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  if (!isWholeText(text)) throw new Refusal('content.invalid')
  return utf8ToBytes(text)
}
