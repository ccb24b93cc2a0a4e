import * as z from 'zod'

/** Of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

const isScalar = (hex: string): boolean => {
  const value = BigInt(`0x${hex}`)
  return value > 0n && value < ORDER
}

/** What is added to a key: 32 bytes, big endian, from 1 to the order of the curve less 1. */
const TweakScalar = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: '32 bytes as lower-case hex', abort: true })
  .refine(isScalar, 'from 1 to the order of secp256k1 less 1')
  .meta({ description: '32 bytes as lower-case hex, big endian, from 1 to the order of secp256k1 less 1' })

/**
 * Which public key signs. `plain`: the group key itself. `taproot`: its output key (BIP-341) with the Merkle root, '' for one whose script path
 * nobody can spend. `tweak`: the group key with a scalar added, as BIP-327's ApplyTweak does it, to its X alone where `xonly` is true.
 */
export const Mode = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plain') }),
  z.strictObject({
    kind: z.literal('taproot'),
    merkleRoot: z.string().regex(/^([0-9a-f]{64})?$/, '0 or 32 bytes in lower-case hex'),
  }),
  z.strictObject({ kind: z.literal('tweak'), xonly: z.boolean(), tweak: TweakScalar }),
])
export type Mode = z.infer<typeof Mode>
