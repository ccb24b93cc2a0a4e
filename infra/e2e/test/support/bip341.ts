import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToNumberBE } from '@noble/curves/utils.js'

/** BIP-341 output key of an x-only internal key and a merkle root ('' for none), by the referee's arithmetic. 32 bytes. */
export function taprootTweakPubKey(internal: Uint8Array, merkleRoot: Uint8Array): Uint8Array {
  const tweak = bytesToNumberBE(schnorr.utils.taggedHash('TapTweak', internal, merkleRoot))
  const point = schnorr.utils.lift_x(bytesToNumberBE(internal))
  return point.add(secp256k1.Point.BASE.multiply(tweak)).toBytes(true).subarray(1)
}
