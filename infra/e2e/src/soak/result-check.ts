import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import type { Key, SignatureResult } from '@quorate/client'
import { hashOf } from '@quorate/local/demo/referee'
import { fromHex } from '@quorate/shared/wire/bytes'

type Verify = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) => boolean

/** @noble/curves, which shares no line with what made the signature. */
const referees: Readonly<Record<Key['scheme'], Verify>> = {
  'frost-secp256k1-tr': schnorr.verify,
  'frost-ed25519': ed25519.verify,
  musig2: schnorr.verify,
}

/** What is wrong with the result of a signing of this text, which the SDK has taken; null when nothing is. */
export function faultOf(key: Key, text: string, { signatures, receipts }: SignatureResult): string | null {
  const [signature = new Uint8Array(), ...more] = signatures
  if (more.length > 0) return 'more signatures than items'
  if (!referees[key.scheme](signature, hashOf(Buffer.from(text)), fromHex(key.groupKey)))
    return 'the signature does not verify under the group key'
  const hosts = new Set(receipts.map(({ body }) => body.index))
  return hosts.size < key.threshold ? `receipts of ${hosts.size} hosts for a threshold of ${key.threshold}` : null
}
