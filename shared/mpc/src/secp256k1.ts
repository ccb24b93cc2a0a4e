import type { Call } from './instance.ts'

/** Points of secp256k1, for sealing. Secrets are 32 bytes, big endian, in 1…n−1; public keys are SEC1. */
export type Secp256k1 = {
  /** The compressed public key, 33 bytes. */
  publicKey(secret: Uint8Array): Uint8Array
  /** secret · publicKey, uncompressed (65 bytes), for a public key of 33 or 65 bytes. */
  sharedPoint(secret: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** The same point in 65 bytes. */
  uncompress(publicKey: Uint8Array): Uint8Array
}

export function createSecp256k1(call: Call): Secp256k1 {
  const one = (operation: number, ...items: Uint8Array[]) => call(operation, items)[0] as Uint8Array
  return {
    publicKey: (secret) => one(1, secret),
    sharedPoint: (secret, publicKey) => one(2, secret, publicKey),
    uncompress: (publicKey) => one(3, publicKey),
  }
}
