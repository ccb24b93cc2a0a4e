import type { Mode } from '@quorate/client'
import { fromHex } from '@quorate/shared/wire/bytes'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/** BIP-341 output key of an x-only internal key and a merkle root ('' for none), by the referee's arithmetic. 32 bytes. */
export function taprootTweakPubKey(internal: Uint8Array, merkleRoot: Uint8Array): Uint8Array {
  const tweak = bytesToNumberBE(schnorr.utils.taggedHash('TapTweak', internal, merkleRoot))
  const point = schnorr.utils.lift_x(bytesToNumberBE(internal))
  return point.add(secp256k1.Point.BASE.multiply(tweak)).toBytes(true).subarray(1)
}

/** The X of a child of the extended public key that BIP-328 makes of an aggregate key, as wallets derive it. */
function childOf(publicKey: Uint8Array, path: readonly number[]): Uint8Array {
  let [key, chainCode] = [publicKey, sha256(utf8ToBytes('MuSig2MuSig2MuSig2'))]
  for (const number of path) {
    const digest = hmac(sha512, chainCode, concatBytes(key, numberToBytesBE(number, 4)))
    const added = secp256k1.Point.BASE.multiply(bytesToNumberBE(digest.subarray(0, 32)))
    key = secp256k1.Point.fromBytes(key).add(added).toBytes(true)
    chainCode = digest.slice(32)
  }
  return key.slice(1)
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
    case 'child': {
      const child = childOf(publicKey, mode.path)
      return mode.merkleRoot === null ? child : taprootTweakPubKey(child, fromHex(mode.merkleRoot))
    }
  }
}
