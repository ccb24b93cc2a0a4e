import * as z from 'zod/mini'
import { mostAdaptors } from '../schemes/table.ts'
import { CompressedKey, Signature } from './ids.ts'

const Bytes32 = z.string().check(z.regex(/^[0-9a-f]{64}$/, '32 bytes as lower-case hex'))

/**
 * What helps whoever looks for the secret of a point: SHA-256 of it, another point that it belongs to, or a number that it comes of. People
 * see it, and no host goes by it.
 */
export type Hint =
  { kind: 'hash'; hash: string } | { kind: 'point'; point: string } | { kind: 'scalar'; scalar: string }
const Hint = z.toZod<Hint>()(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('hash'), hash: Bytes32 }),
    z.strictObject({ kind: z.literal('point'), point: CompressedKey }),
    z.strictObject({ kind: z.literal('scalar'), scalar: Bytes32 }),
  ]),
)

/** A point in `AdaptorTerms`: compressed, hex. */
export interface AdaptorPoint {
  point: string
  hint?: Hint | undefined
}
const adaptor = { point: CompressedKey, hint: z.optional(Hint) }

/** `proof`: BIP-340's signature by the secret of the point. */
export interface ProvedPoint extends AdaptorPoint {
  proof: string
}

/**
 * What turns a pre-signature into the signature. `one`: the secret of a point. `any`: that of one of these. `all`: those of all of these, each
 * with BIP-340's signature by its own secret. A list names no point twice.
 */
export type AdaptorTerms =
  | { kind: 'one'; point: string; hint?: Hint | undefined }
  | { kind: 'any'; points: AdaptorPoint[] }
  | { kind: 'all'; points: ProvedPoint[] }
export const AdaptorTerms = z.toZod<AdaptorTerms>()(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('one'), ...adaptor }),
    z.strictObject({
      kind: z.literal('any'),
      points: z.array(z.strictObject(adaptor)).check(z.minLength(1), z.maxLength(mostAdaptors)),
    }),
    z.strictObject({
      kind: z.literal('all'),
      points: z
        .array(z.strictObject({ ...adaptor, proof: Signature }))
        .check(z.minLength(1), z.maxLength(mostAdaptors)),
    }),
  ]),
)
