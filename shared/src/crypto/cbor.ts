import { decode as decodeCborg, encode as encodeCborg } from 'cborg'
import { Refusal } from '../errors.ts'

/**
 * Deterministic CBOR (RFC 8949 §4.2.1): shortest heads, definite lengths, map keys in bytewise order. cborg sorts shorter
 * keys first, which for keys that are all text, as ours are, is the bytewise order of their encodings, at half the cost.
 */
export const encode = (value: unknown): Uint8Array => encodeCborg(value)

/**
 * Decodes strictly: one item and nothing behind it, shortest heads, definite lengths, no duplicate keys, no tags.
 * Throws `message.invalid` for everything else, also for nesting that is too deep for the stack.
 */
export function decode(bytes: Uint8Array): unknown {
  try {
    return decodeCborg(bytes, {
      strict: true,
      allowIndefinite: false,
      rejectDuplicateMapKeys: true,
      allowUndefined: false,
    })
  } catch {
    throw new Refusal('message.invalid')
  }
}
