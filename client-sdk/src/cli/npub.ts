import { bech32 } from '@scure/base'

/** A BIP-340 public key (32 bytes) as Nostr's people write it (NIP-19): bech32 with the prefix npub. */
export const npub = (publicKey: Uint8Array): string => bech32.encode('npub', bech32.toWords(publicKey))
