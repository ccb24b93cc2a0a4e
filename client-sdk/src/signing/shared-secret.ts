import { conversationKeyOf } from '@quorate/shared/nostr/nip44'
import { readEcdhResult } from '@quorate/shared/schemes/ecdh'
import { refuse } from '../errors.ts'
import type { ItemOutcome } from './result.ts'

/**
 * The point that the key shares with the peer of an `ecdh` item: 33 bytes, SEC1 compressed. It opens every message with that peer: wipe
 * it after use. Throws `signature.invalid` for an item that has none.
 */
export function sharedPoint(item: ItemOutcome): Uint8Array {
  const read =
    item.refused === null && item.content.type === 'ecdh' && item.signature ? readEcdhResult(item.signature) : null
  return read === null ? refuse('signature.invalid') : read.point.slice()
}

/** NIP-44's conversation key (version 2) from a shared point (33 bytes): 32 bytes, as secret as the point. */
export const conversationKey = (point: Uint8Array): Uint8Array => conversationKeyOf(point.subarray(1))
