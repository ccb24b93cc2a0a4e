/**
 * What is added to a public key. `plain` and `xonly` are BIP-327's, of 32 bytes below the order; for a key that is known by its X alone they
 * are the same. `taproot` is BIP-341's: 0 bytes for an output key whose script path nobody can spend, or the Merkle root (32 bytes).
 * Anything else is refused.
 */
export type KeyTweak = { kind: 'plain' | 'xonly' | 'taproot'; tweak: Uint8Array }
