import { z } from 'zod'

const Hex = z.string().regex(/^([0-9a-f]{2})*$/, 'lower-case hex')

/** The types of content that a key's policy can permit. Each has its own rule for what is signed: `content/content.ts`. */
export const ContentType = z.enum(['bytes', 'nostr-event'])
export type ContentType = z.infer<typeof ContentType>

/** Plain bytes, signed as they are. Permit it for a key only if no other use of the key could be confused with bytes. */
const BytesContent = z.strictObject({ type: z.literal('bytes'), bytes: Hex.max(131_072) })

/** A Nostr event (NIP-01) without id, pubkey and signature: the key gives the pubkey, the enclave computes the id. */
const NostrEventContent = z.strictObject({
  type: z.literal('nostr-event'),
  event: z.strictObject({
    created_at: z.int().min(0),
    kind: z.int().min(0).max(65_535),
    tags: z.array(z.array(z.string().max(65_536)).max(256)).max(2_500),
    content: z.string().max(65_536),
  }),
})

export const Content = z.discriminatedUnion('type', [BytesContent, NostrEventContent])
export type Content = z.infer<typeof Content>

/** Which public key signs: the group key itself, or its Taproot output key (BIP-341) with the merkle root, '' for none. */
export const Mode = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plain') }),
  z.strictObject({
    kind: z.literal('taproot'),
    merkleRoot: Hex.refine((hex) => hex.length === 0 || hex.length === 64, '0 or 32 bytes'),
  }),
])
export type Mode = z.infer<typeof Mode>

/** What travels sealed under the session secret: the full content of one item and the key mode to sign it in. */
export const Item = z.strictObject({ content: Content, mode: Mode })
export type Item = z.infer<typeof Item>
