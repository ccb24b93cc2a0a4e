import * as z from 'zod/mini'

/** Of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

const isScalar = (hex: string): boolean => {
  const value = BigInt(`0x${hex}`)
  return value > 0n && value < ORDER
}

/** The most steps of a path. Wallets take two or three. */
export const mostSteps = 8

/** What is added to a key: 32 bytes, big endian, from 1 to the order of the curve less 1. */
const TweakScalar = z
  .string()
  .check(
    z.regex(/^[0-9a-f]{64}$/, { error: '32 bytes as lower-case hex', abort: true }),
    z.refine(isScalar, 'from 1 to the order of secp256k1 less 1'),
    z.meta({ description: '32 bytes as lower-case hex, big endian, from 1 to the order of secp256k1 less 1' }),
  )

const MerkleRoot = z.string().check(z.regex(/^([0-9a-f]{64})?$/, '0 or 32 bytes in lower-case hex'))

/** Steps of BIP-32 that need no secret. */
const ChildPath = z
  .array(z.int().check(z.minimum(0), z.maximum(0x7fffffff)))
  .check(z.minLength(1), z.maxLength(mostSteps))

/**
 * Which public key signs. `plain`: the group key itself. `taproot`: its output key (BIP-341) with the Merkle root, '' for one whose script path
 * nobody can spend. `tweak`: the group key with a scalar added, as BIP-327's ApplyTweak does it, to its X alone where `xonly` is true. `child`:
 * the key that wallets derive of the extended public key (BIP-328) by the path; itself for null, or its output key with the Merkle root.
 */
export type Mode =
  | { kind: 'plain' }
  | { kind: 'taproot'; merkleRoot: string }
  | { kind: 'tweak'; xonly: boolean; tweak: string }
  | { kind: 'child'; path: number[]; merkleRoot: string | null }
export const Mode = z.toZod<Mode>()(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('plain') }),
    z.strictObject({ kind: z.literal('taproot'), merkleRoot: MerkleRoot }),
    z.strictObject({ kind: z.literal('tweak'), xonly: z.boolean(), tweak: TweakScalar }),
    z.strictObject({ kind: z.literal('child'), path: ChildPath, merkleRoot: z.nullable(MerkleRoot) }),
  ]),
)
