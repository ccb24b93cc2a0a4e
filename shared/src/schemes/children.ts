import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { KeyTweak } from '../../mpc/src/index.ts'

/** BIP-328's chain code of every aggregate key. */
export const CHAIN_CODE = sha256(utf8ToBytes('MuSig2MuSig2MuSig2'))

/** The number of a child, as BIP-32 hashes it. */
function written(number: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

/**
 * The plain tweaks, one a step, that make the child of an aggregate key by this path, unhardened (BIP-328, BIP-32's CKDpub). `pointOf`: the
 * aggregate key with such tweaks, compressed. Throws what that throws where there is no such child.
 */
export function childTweaks(pointOf: (tweaks: readonly KeyTweak[]) => Uint8Array, path: readonly number[]): KeyTweak[] {
  const tweaks: KeyTweak[] = []
  let chainCode = CHAIN_CODE
  for (const number of path) {
    const digest = hmac(sha512, chainCode, concatBytes(pointOf(tweaks), written(number)))
    tweaks.push({ kind: 'plain', tweak: digest.slice(0, 32) })
    chainCode = digest.slice(32)
  }
  return tweaks
}
