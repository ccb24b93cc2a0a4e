import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToNumberBE } from '@noble/curves/utils.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'

const { Point } = secp256k1

function tagged(tag: string, ...parts: Uint8Array[]): Uint8Array {
  const of = sha256(utf8ToBytes(tag))
  return sha256(concatBytes(of, of, ...parts))
}

/**
 * BIP-327's KeyAgg as its text has it, over the arithmetic of @noble/curves: the aggregate of these public keys (33 bytes each), in this
 * order, as 33 bytes. It shares no line with what makes keys here.
 */
export function aggregatePointOf(pubkeys: readonly Uint8Array[]): Uint8Array {
  const list = tagged('KeyAgg list', ...pubkeys)
  const text = (key: Uint8Array | undefined) => Buffer.from(key ?? []).toString('hex')
  const second = pubkeys.find((key) => text(key) !== text(pubkeys[0]))
  const coefficient = (key: Uint8Array): bigint =>
    text(key) === text(second) ? 1n : bytesToNumberBE(tagged('KeyAgg coefficient', list, key)) % Point.Fn.ORDER
  const sum = pubkeys.reduce((all, key) => all.add(Point.fromBytes(key).multiply(coefficient(key))), Point.ZERO)
  return sum.toBytes(true)
}

/** Its X. */
export const aggregateOf = (pubkeys: readonly Uint8Array[]): Uint8Array => aggregatePointOf(pubkeys).slice(1)

/** BIP-327's KeySort. */
export const sortedKeys = (pubkeys: readonly Uint8Array[]): Uint8Array[] =>
  [...pubkeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
