import type { Mode } from '@quorate/client'
import { fromHex } from '@quorate/shared/wire/bytes'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToNumberBE } from '@noble/curves/utils.js'

/** BIP-341 output key of an x-only internal key and a merkle root ('' for none), by the referee's arithmetic. 32 bytes. */
export function taprootTweakPubKey(internal: Uint8Array, merkleRoot: Uint8Array): Uint8Array {
  const tweak = bytesToNumberBE(schnorr.utils.taggedHash('TapTweak', internal, merkleRoot))
  const point = schnorr.utils.lift_x(bytesToNumberBE(internal))
  return point.add(secp256k1.Point.BASE.multiply(tweak)).toBytes(true).subarray(1)
}

/** The X of what a mode makes of a public key (33 bytes), by the referee's arithmetic (BIP-327's ApplyTweak, BIP-341). */
export function keyInMode(publicKey: Uint8Array, mode: Mode): Uint8Array {
  const x = publicKey.slice(1)
  switch (mode.kind) {
    case 'plain':
      return x
    case 'taproot':
      return taprootTweakPubKey(x, fromHex(mode.merkleRoot))
    case 'tweak': {
      const base = mode.xonly ? schnorr.utils.lift_x(bytesToNumberBE(x)) : secp256k1.Point.fromBytes(publicKey)
      const added = secp256k1.Point.BASE.multiply(bytesToNumberBE(fromHex(mode.tweak)))
      return base.add(added).toBytes(true).slice(1)
    }
  }
}
