import * as z from 'zod/mini'

/** A Nostr public key (NIP-01): x of a secp256k1 point, 32 bytes, hex. Whether x is on the curve, its user finds out. */
export const NostrKey = z
  .string()
  .check(z.regex(/^[0-9a-f]{64}$/, '32 bytes as lower-case hex'))
  .brand<'NostrKey'>()
export type NostrKey = z.infer<typeof NostrKey>
