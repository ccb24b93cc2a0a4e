import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { AggregateKey, Musig2, MusigSession } from '../src/index.ts'
import { each, indices } from './ceremony.ts'

export type Signers = ReadonlyMap<number, Uint8Array>

/** Secret keys of participants 1…n. */
export const signers = (n: number): Signers => each(indices(n), () => schnorr.utils.randomSecretKey())

export const pubkeysOf = (secretKeys: Signers) => each(secretKeys.keys(), (index) => publicKey(secretKeys.get(index)!))
export const publicKey = (secretKey: Uint8Array): Uint8Array => secp256k1.getPublicKey(secretKey, true)
export const xonly = (musig2: Musig2, key: AggregateKey): Uint8Array => musig2.keyAgg(key).slice(1)

/** Round one: everybody's nonces for this session. */
export function nonces(musig2: Musig2, secretKeys: Signers, session: MusigSession) {
  const extraIn = new Uint8Array(0)
  const all = each(secretKeys.keys(), (index) =>
    musig2.nonceGen({ ...session, secretKey: secretKeys.get(index)!, extraIn }),
  )
  return {
    secnonces: each(all.keys(), (index) => all.get(index)!.secnonce),
    pubnonces: each(all.keys(), (index) => all.get(index)!.pubnonce),
  }
}

/** Round two: everybody's partial, with what is public of round one. */
export function signed(
  musig2: Musig2,
  secretKeys: Signers,
  session: MusigSession,
  { secnonces, pubnonces } = nonces(musig2, secretKeys, session),
) {
  const aggnonce = musig2.nonceAgg({ pubnonces })
  const psigs = each(secretKeys.keys(), (index) =>
    musig2.sign({ ...session, secretKey: secretKeys.get(index)!, secnonce: secnonces.get(index)!, aggnonce }),
  )
  return { ...session, pubnonces, psigs }
}

/** BIP-340's. */
export const taggedHash = (tag: string, ...parts: Uint8Array[]): Uint8Array =>
  sha256(concatBytes(sha256(utf8ToBytes(tag)), sha256(utf8ToBytes(tag)), ...parts))
