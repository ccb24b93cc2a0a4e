import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'

/** The one file where bytes become text: hex for keys, digests, ids and signatures, base64url for sealed blobs and documents. */
export const toHex = bytesToHex
export const fromHex = hexToBytes

/** Unpadded base64url (RFC 4648 §5). */
export function toBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Inverse of `toBase64url`; the text must have passed the `Base64url` schema. */
export const fromBase64url = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
