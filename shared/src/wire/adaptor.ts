import * as z from 'zod/mini'
import { mostAdaptors } from '../schemes/table.ts'
import { CompressedKey, Signature } from './ids.ts'

const Bytes32 = z.string().check(z.regex(/^[0-9a-f]{64}$/, '32 bytes as lower-case hex'))

/**
 * What helps whoever looks for the secret of a point: SHA-256 of it, another point that it belongs to, or a number that it comes of. People
 * see it, and no host goes by it.
 */
const Hint = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('hash'), hash: Bytes32 }),
  z.strictObject({ kind: z.literal('point'), point: CompressedKey }),
  z.strictObject({ kind: z.literal('scalar'), scalar: Bytes32 }),
])
export type Hint = z.infer<typeof Hint>

const adaptor = { point: CompressedKey, hint: z.optional(Hint) }

/**
 * What turns a pre-signature into the signature. `one`: the secret of a point. `any`: that of one of these. `all`: those of all of these, each
 * with BIP-340's signature by its own secret. A list names no point twice.
 */
export const AdaptorTerms = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('one'), ...adaptor }),
  z.strictObject({
    kind: z.literal('any'),
    points: z.array(z.strictObject(adaptor)).check(z.minLength(1), z.maxLength(mostAdaptors)),
  }),
  z.strictObject({
    kind: z.literal('all'),
    points: z.array(z.strictObject({ ...adaptor, proof: Signature })).check(z.minLength(1), z.maxLength(mostAdaptors)),
  }),
])
export type AdaptorTerms = z.infer<typeof AdaptorTerms>
