import type { ByIndex } from './frost-types.ts'
import type { KeyTweak } from './tweak.ts'

/**
 * The participants' public keys, 33 bytes each, by index; and what makes an aggregate key of them. `sorted`: KeySort
 * orders the keys, else their indices do. `tweaks` apply in order. From 1 key to 100; the same key may occur twice.
 */
export type AggregateKey = { pubkeys: ByIndex; sorted?: boolean; tweaks?: readonly KeyTweak[] }

/**
 * What is signed, under which key; the same for all that sign. `adaptor` is a point T (33 bytes): partials then add up to
 * a pre-signature. Who signs knows T, as it knows the message, before the nonces are generated.
 */
export type MusigSession = AggregateKey & { message: Uint8Array; adaptor?: Uint8Array | null }

/** What a pre-signature is of: an x-only public key (32 bytes), a message and an adaptor point T (33 bytes). */
export type PreSigned = { publicKey: Uint8Array; message: Uint8Array; adaptor: Uint8Array; preSignature: Uint8Array }

/**
 * MuSig2 (BIP-327): operations and values are named and encoded as there. `secretKey` and `secnonce` are secret; all else is
 * public. The caller owns what is returned and wipes what is secret. Every call throws `MpcError`: `bad_package` with all
 * whose public key or nonce is none, `bad_partial` with all whose partial is wrong, else `invalid_input`.
 */
export type Musig2 = {
  /** The aggregate public key, 33 bytes. Without its first byte it is the x-only key that signatures verify under. */
  keyAgg(a: AggregateKey): Uint8Array
  /**
   * Round one. `secnonce` (97 bytes) may sign once, then must be wiped. Fresh randomness, the secret key, the aggregate
   * key, the message and the adaptor make it, and `extraIn`, which may be empty. The secret key is of one of the keys.
   */
  nonceGen(a: MusigSession & { secretKey: Uint8Array; extraIn: Uint8Array }): {
    secnonce: Uint8Array
    pubnonce: Uint8Array
  }
  /** The aggregate nonce, 66 bytes. A half at infinity is 33 zeros: whoever made it so cannot give a right partial. */
  nonceAgg(a: { pubnonces: ByIndex }): Uint8Array
  /** A partial signature, 32 bytes, verified. `invalid_input` also where the aggregate nonce is none. */
  sign(a: MusigSession & { secretKey: Uint8Array; secnonce: Uint8Array; aggnonce: Uint8Array }): Uint8Array
  /** Whether one partial is right, which `partialSigAgg` finds out by itself when it matters. */
  partialSigVerify(a: MusigSession & { pubnonces: ByIndex; index: number; psig: Uint8Array }): boolean
  /** The signature (64 bytes), or with an adaptor the pre-signature (65: the signers' nonce, and s). Verified. */
  partialSigAgg(a: MusigSession & { pubnonces: ByIndex; psigs: ByIndex }): Uint8Array
  /** Whether whoever learns the adaptor's secret has a signature. */
  verifyPreSignature(a: PreSigned): boolean
  /** The signature, of a pre-signature and the secret of its adaptor; of another secret, `invalid_input`. */
  adapt(a: PreSigned & { secret: Uint8Array }): Uint8Array
  /** The adaptor's secret, of a pre-signature and the signature made of it; of another signature, `invalid_input`. */
  extract(a: PreSigned & { signature: Uint8Array }): Uint8Array

  /** The point whose secret is the sum of the secrets of these. Who says which: by index, for the blame. */
  sumAdaptors(a: { adaptors: ByIndex }): Uint8Array
  /** The sum of these secrets; with `of`, a sum that they are part of, the rest of that sum. It is not zero. */
  sumSecrets(a: { secrets: ByIndex; of?: Uint8Array }): Uint8Array
}
