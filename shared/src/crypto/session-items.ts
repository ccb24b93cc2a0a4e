import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { Refusal } from '../errors.ts'
import { Item, misfitOf } from '../wire/content.ts'
import { decode, encode } from './cbor.ts'
import { deriveKey } from './hkdf.ts'
import { openWith, sealWith } from './aead.ts'

/*
 * What the people and the enclaves of a key derive from its session secret S, and a person from the own seed. Labels and
 * contexts stand here once: SDK and enclave must agree on them to the byte.
 */

/** Seals under a key that is derived for this purpose and place alone, and wipes the key. */
function withKey<T>(secret: Uint8Array, label: string, signingId: string, at: number, use: (key: Uint8Array) => T): T {
  const key = deriveKey(secret, label, signingId, at)
  try {
    return use(key)
  } finally {
    key.fill(0)
  }
}

/**
 * Digest of one item under the session secret: who does not know S cannot guess content from it, and it fixes content,
 * mode, signing and place. 32 bytes.
 */
export function itemDigest(sessionSecret: Uint8Array, signingId: string, at: number, item: unknown): Uint8Array {
  return withKey(sessionSecret, 'item-digest', signingId, at, (key) => hmac(sha256, key, encode(item)))
}

/** Seals item `at` (0…) of a signing under S (32 bytes). */
export const sealItem = (sessionSecret: Uint8Array, signingId: string, at: number, item: Item): Uint8Array =>
  withKey(sessionSecret, 'message', signingId, at, (key) => sealWith(key, ['item', signingId, at], encode(item)))

/** Inverse of `sealItem`. Throws `seal.invalid`; `tweak.invalid` or `adaptor.invalid` for an item whose mode or adaptor cannot be read, and `content.invalid` for what is no item. */
export function openItem(sessionSecret: Uint8Array, signingId: string, at: number, sealed: Uint8Array): Item {
  const plaintext = withKey(sessionSecret, 'message', signingId, at, (key) =>
    openWith(key, ['item', signingId, at], sealed),
  )
  const item = Item.safeParse(decoded(plaintext))
  if (!item.success) throw new Refusal(misfitOf(item.error))
  return item.data
}

/** Null for what is no CBOR. */
/** What CBOR says; null for what is none. */
export function decoded(plaintext: Uint8Array): unknown {
  try {
    return decode(plaintext)
  } catch {
    return null
  }
}

/** Seals the signature of item `at` (0…) under S (32 bytes). */
export const sealSignature = (
  sessionSecret: Uint8Array,
  signingId: string,
  at: number,
  signature: Uint8Array,
): Uint8Array =>
  withKey(sessionSecret, 'signature', signingId, at, (key) => sealWith(key, ['signature', signingId, at], signature))

/** Inverse of `sealSignature`, for what is `longest` bytes at most. Throws `seal.invalid`. Whether it is right is for the scheme to say. */
export function openSignature(
  sessionSecret: Uint8Array,
  signingId: string,
  at: number,
  sealed: Uint8Array,
  longest: number,
): Uint8Array {
  const signature = withKey(sessionSecret, 'signature', signingId, at, (key) =>
    openWith(key, ['signature', signingId, at], sealed),
  )
  if (signature.length > longest) throw new Refusal('seal.invalid')
  return signature
}

/** Seed (32 bytes) of the Ed25519 reader key, with which who knows S proves that they may read. */
export const readerSeed = (sessionSecret: Uint8Array): Uint8Array => deriveKey(sessionSecret, 'reader')

/** Seed (32 bytes) of a participant's Ed25519 authorisation key for one key: unlinkable, recoverable from the own seed. */
export const authSeed = (seed: Uint8Array, keyId: string): Uint8Array => deriveKey(seed, 'auth', keyId)
