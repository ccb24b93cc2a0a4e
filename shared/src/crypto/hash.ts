import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { encode } from './cbor.ts'

/** What a tagged hash can be about. One tag, one kind of object: no digest of one kind can pass for another's. */
export type Tag =
  | 'identity'
  | 'attested'
  | 'birth'
  | 'recollection'
  | 'skeleton'
  | 'dealt'
  | 'register'
  | 'registration-receipt'
  | 'roster'
  | 'round-one'
  | 'round-two'
  | 'transcript'
  | 'certificate'
  | 'request'
  | 'withdrawal'
  | 'item'
  | 'consent'
  | 'commitment'
  | 'stock'
  | 'package'
  | 'partial'
  | 'sealed-items'
  | 'result'
  | 'signing-receipt'
  | 'policy'
  | 'session'
  | 'manifest'
  | 'notice'
  | 'manifest-status'
  | 'refresh'
  | 'prepared'
  | 'prepared-all'
  | 'installed'
  | 'client-request'
  | 'book'
  | 'binding'
  | 'bunker-receipt'
  | 'log-entry'
  | 'trust'

/** Tags over bytes as they are, for what anybody verifies without CBOR. None of them is a `Tag`. */
export type BytesTag = 'bytes'

const prefixes = new Map<Tag | BytesTag, Uint8Array>()

function prefixOf(tag: Tag | BytesTag): Uint8Array {
  let prefix = prefixes.get(tag)
  if (prefix === undefined) {
    const tagHash = sha256(utf8ToBytes(`quorate/${tag}/v1`))
    prefix = new Uint8Array([...tagHash, ...tagHash])
    prefixes.set(tag, prefix)
  }
  return prefix
}

/** H(tag, value): BIP-340's tagged SHA-256 over the deterministic CBOR of `value`. 32 bytes. */
export const taggedHash = (tag: Tag, value: unknown): Uint8Array =>
  sha256.create().update(prefixOf(tag)).update(encode(value)).digest()

/** sha256(t ‖ t ‖ bytes) with t = sha256('quorate/<tag>/v1'): BIP-340's tagged SHA-256 over these bytes. 32 bytes. */
export const taggedBytesHash = (tag: BytesTag, bytes: Uint8Array): Uint8Array =>
  sha256.create().update(prefixOf(tag)).update(bytes).digest()
