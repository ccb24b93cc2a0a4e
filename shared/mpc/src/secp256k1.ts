import type { Call } from './instance.ts'

/** Points of secp256k1, for sealing, and signatures of a plain key. Secrets are 32 bytes, big endian, in 1…n−1; public keys are SEC1. */
export type Secp256k1 = {
  /** The compressed public key, 33 bytes. */
  publicKey(secret: Uint8Array): Uint8Array
  /** secret · publicKey, uncompressed (65 bytes), for a public key of 33 or 65 bytes. */
  sharedPoint(secret: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** The same point in 65 bytes. */
  uncompress(publicKey: Uint8Array): Uint8Array
  /** BIP-340's signature (64 bytes) of a message of any length, with fresh randomness. Its public key is `publicKey`'s X. */
  sign(secret: Uint8Array, message: Uint8Array): Uint8Array
}

export function createSecp256k1(call: Call): Secp256k1 {
  const one = (operation: number, ...items: Uint8Array[]) => call(operation, items)[0] as Uint8Array
  return {
    publicKey: (secret) => one(1, secret),
    sharedPoint: (secret, publicKey) => one(2, secret, publicKey),
    uncompress: (publicKey) => one(3, publicKey),
    sign: (secret, message) => one(6, secret, message),
  }
}
