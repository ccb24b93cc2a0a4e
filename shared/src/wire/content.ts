import { z } from 'zod'
import { Content } from '../contents/table.ts'
import { SubgroupId } from './ids.ts'

/** Which public key signs: the group key itself, or its Taproot output key (BIP-341) with the merkle root, '' for none. */
export const Mode = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plain') }),
  z.strictObject({
    kind: z.literal('taproot'),
    merkleRoot: z.string().regex(/^([0-9a-f]{64})?$/, '0 or 32 bytes in lower-case hex'),
  }),
])
export type Mode = z.infer<typeof Mode>

/**
 * What travels sealed under the session secret: the full content of one item and the key mode to sign it in. `subgroup`: whose key signs it;
 * without it, that of all participants.
 */
export const Item = z.strictObject({ content: Content, mode: Mode, subgroup: SubgroupId.optional() })
export type Item = z.infer<typeof Item>
