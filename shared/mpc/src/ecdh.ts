import type { ByIndex } from './frost-types.ts'
import type { Call } from './instance.ts'
import { readInt } from './wire.ts'

/**
 * Threshold ECDH with a `frost-secp256k1-tr` key: the point s·Q of its secret s and a peer's public key Q. Where the whole
 * key's Y is odd, s is its negative, as in BIP-340; x is the same for both. No tweak applies.
 *
 * `peer` is Q, 33 bytes (SEC1, compressed); a key that is x only (32 bytes) is lifted to an even Y, by a 2 before it. A
 * message is 32 bytes and binds a partial to its session, quorum and index. A partial is 97 bytes: the participant's point
 * sᵢ·Q (33) and BIP-374's proof (64, "DLEQ Proof Generation") that sᵢ is the secret of its verifying share.
 *
 * Whoever holds threshold partials has the shared point: both are secret, and their owner wipes them. Every call throws
 * `MpcError`, `invalid_input` if `peer` is not on the curve or a message is not 32 bytes.
 */
export type Ecdh = {
  /** A partial, 97 bytes. Its proof takes fresh randomness and is verified before it leaves. The share is not zero. */
  partial(a: { share: Uint8Array; peer: Uint8Array; message: Uint8Array }): Uint8Array
  /** Whether one partial is participant `index`'s (BIP-374, "DLEQ Proof Verification"). Any other bytes are just wrong. */
  verifyPartial(a: {
    publicKeys: Uint8Array
    index: number
    peer: Uint8Array
    message: Uint8Array
    partial: Uint8Array
  }): boolean
  /**
   * The shared point s·Q, 33 bytes, from at least threshold partials and the messages they were made with, by the same
   * indices. `bad_partial` with all whose partial is wrong; `invalid_input` if there are too few, with any strangers, and
   * if the verifying shares are not the group key's. Takes no share.
   */
  combine(a: { publicKeys: Uint8Array; peer: Uint8Array; messages: ByIndex; partials: ByIndex }): Uint8Array
}

const SUITE = 1 << 8

/** The Rust layer's `ecdh`, with names and types. */
export function createEcdh(call: Call): Ecdh {
  const one = (...a: Parameters<Call>) => call(...a)[0] as Uint8Array
  return {
    partial: (a) => one(SUITE | 20, [a.share, a.peer, a.message]),
    verifyPartial: (a) => readInt(one(SUITE | 21, [a.publicKeys, a.index, a.peer, a.message, a.partial])) === 1,
    combine: (a) => one(SUITE | 22, [a.publicKeys, a.peer, a.messages, a.partials]),
  }
}
