import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { encode } from './cbor.ts'

/** HKDF-SHA-256 (RFC 5869) with `info` = deterministic CBOR of [label, …context]. 32 bytes. */
export function deriveKey(secret: Uint8Array, label: string, ...context: (string | number)[]): Uint8Array {
  const pseudoRandomKey = extract(sha256, secret, utf8ToBytes('quorate/v1'))
  const key = expand(sha256, pseudoRandomKey, encode([label, ...context]), 32)
  pseudoRandomKey.fill(0)
  return key
}
