import { bech32 } from '@scure/base'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { toHex } from '@quorate/shared/wire/bytes'

/** A BIP-340 public key (32 bytes) as Nostr's people write it (NIP-19): bech32 with the prefix npub. */
export const npub = (publicKey: Uint8Array): string => bech32.encode('npub', bech32.toWords(publicKey))

/** Reads an npub, or 64 hex digits. Null for anything else. */
export function readNpub(text: string): NostrKey | null {
  const hex = NostrKey.safeParse(text.toLowerCase())
  if (hex.success) return hex.data
  const read = bech32.decodeUnsafe(text)
  const bytes = read?.prefix === 'npub' ? bech32.fromWordsUnsafe(read.words) : undefined
  return bytes ? (NostrKey.safeParse(toHex(bytes)).data ?? null) : null
}
