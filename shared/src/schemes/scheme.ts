import { Refusal } from '../errors.ts'
import type { ByIndex } from '../../mpc/src/index.ts'

/**
 * A participant's secret between two rounds. It cannot be looked at or copied; it is taken out before it is used, and wiped
 * after. `I` is what the next round needs beside the messages, `R` what comes out in the end.
 */
export type Held<I, R> = Readonly<{
  /** Goes on with what was said in this round, by index. Throws `nonce.spent` the second time, and what the scheme throws. */
  go: (from: ByIndex, input: I) => Step<I, R>
  destroy: () => void
}>

/** What a participant says in a round: one message to all, or one to each of the others; or the protocol's outcome. */
export type Step<I, R> =
  | Readonly<{ held: Held<I, R>; toAll: Uint8Array }>
  | Readonly<{ held: Held<I, R>; toEach: ByIndex }>
  | Readonly<{ done: R }>

/** One participant's part in a protocol, without input or output of its own. */
export type Protocol<Start, I, R> = (start: Start) => Step<I, R>

/** Keeps `secrets` for one use, and wipes them after it. */
export function hold<I, R>(
  secrets: readonly Uint8Array[],
  use: (secrets: readonly Uint8Array[], from: ByIndex, input: I) => Step<I, R>,
): Held<I, R> {
  let kept: readonly Uint8Array[] | null = secrets
  const take = (): readonly Uint8Array[] => {
    if (kept === null) throw new Refusal('nonce.spent')
    const taken = kept
    kept = null
    return taken
  }
  const wipe = (taken: readonly Uint8Array[]): void => {
    for (const secret of taken) secret.fill(0)
  }
  return {
    go(from, input) {
      const taken = take()
      try {
        return use(taken, from, input)
      } finally {
        wipe(taken)
      }
    },
    destroy() {
      wipe(kept ?? [])
      kept = null
    },
  }
}

/** Who makes a key: participant `index` of so many. */
export type Member = Readonly<{ index: number; participants: number; threshold: number }>

/** A participant's share and what all know of the key. `share` is secret: its owner wipes it. */
export type Made = Readonly<{ share: Uint8Array; publicKeys: Uint8Array }>

/** What a key is used for. `publicKey` is the one that a signature verifies under, `tweak` what makes it of the group key. */
export type UseInput = Readonly<{
  publicKeys: Uint8Array
  publicKey: Uint8Array
  message: Uint8Array
  tweak: Uint8Array | null
}>

/** One thing that shares do together: a round in which each says something to all, then a partial of each, which are joined. */
export type Use = Readonly<{
  begin: Protocol<UseInput & Readonly<{ share: Uint8Array }>, UseInput & Readonly<{ share: Uint8Array }>, Uint8Array>
  /** The result, verified. Takes public data only. Throws `MpcError` `bad_partial` with all whose partial is wrong. */
  join: (of: UseInput, commitments: ByIndex, partials: ByIndex) => Uint8Array
  verify: (of: UseInput, result: Uint8Array) => boolean
}>

/** A scheme's cryptography. Everything throws `MpcError`, whose culprits are indices. */
export type Scheme = Readonly<{
  make: Readonly<{
    dkg: Protocol<Member, null, Made>
    /** New shares of the same key: the last round needs the old one. */
    refresh: Protocol<Member, Made, Made>
  }>
  use: Readonly<{ sign: Use }>
  describe: (publicKeys: Uint8Array) => Readonly<{ groupKey: Uint8Array; verifyingShares: ByIndex; threshold: number }>
  /** Is this the share of participant `index`: not zero, of these public keys, and nobody else's too? */
  isShareOf: (index: number, made: Made) => boolean
  /** The Taproot output key (BIP-341) of a group key, 32 bytes. */
  tweakedKey: (groupKey: Uint8Array, tweak: Uint8Array) => Uint8Array
}>
