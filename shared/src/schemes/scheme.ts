import { Refusal } from '../errors.ts'
import type { ByIndex, KeyTweak } from '../../mpc/src/index.ts'
import type { UseName } from './table.ts'

/**
 * A participant's secret between two rounds. It cannot be looked at or copied; it is taken out before it is used, and wiped
 * after. `I` is what the next round needs beside the messages, `R` what comes out in the end.
 */
export type Held<I, R> = Readonly<{
  /** Goes on with what was said in this round, by index. Throws `nonce.spent` the second time, and what the scheme throws. */
  go: (from: ByIndex, input: I) => Step<I, R>
  destroy: () => void
}>

/**
 * What a participant says in a round: one message to all, or one to each of the others; or the protocol's outcome. In a round to all,
 * `from` holds what all said, one's own message included, as it was said. A message to each is secret: its sender seals and wipes it,
 * and `go` wipes what came in.
 */
export type Step<I, R> =
  | Readonly<{ held: Held<I, R>; toAll: Uint8Array }>
  | Readonly<{ held: Held<I, R>; toEach: ByIndex }>
  | Readonly<{ done: R }>

/** One participant's part in a protocol, without input or output of its own. */
export type Protocol<Start, I, R> = (start: Start) => Step<I, R>

const wipe = (secrets: Iterable<Uint8Array>): void => {
  for (const secret of secrets) secret.fill(0)
}

type Secrets = readonly Uint8Array[]
type Going<S, I, R> = (secrets: S, from: ByIndex, input: I) => Step<I, R>

/** Keeps `secrets` for one use, and wipes them after it, also when it throws. */
export function hold<I, R, const S extends Secrets>(secrets: S, use: Going<S, I, R>): Held<I, R> {
  let kept: S | null = secrets
  const take = (): S => {
    if (kept === null) throw new Refusal('nonce.spent')
    const taken = kept
    kept = null
    return taken
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

/** As `hold`, after a round to each: the messages that came in are secret too. They are wiped with the rest, in every case. */
export function holdReceived<I, R, const S extends Secrets>(secrets: S, use: Going<S, I, R>): Held<I, R> {
  const { go, destroy } = hold(secrets, use)
  return {
    go(from, input) {
      try {
        return go(from, input)
      } finally {
        wipe(from.values())
      }
    },
    destroy,
  }
}

/** The same step, whose further input `supply` brings whenever it is needed. */
export function supplied<I, R>(step: Step<I, R>, supply: (use: (input: I) => Step<I, R>) => Step<I, R>): Step<null, R> {
  if ('done' in step) return step
  const { held } = step
  const brought: Held<null, R> = {
    go: (from) =>
      supplied(
        supply((input) => held.go(from, input)),
        supply,
      ),
    destroy: () => held.destroy(),
  }
  return 'toAll' in step ? { held: brought, toAll: step.toAll } : { held: brought, toEach: step.toEach }
}

/** How many make a key. */
export type Size = Readonly<{ participants: number; threshold: number }>

/** Who makes a key: participant `index` of so many. */
export type Member = Size & Readonly<{ index: number }>

/** A participant's share and what all know of the key. `share` is secret: its owner wipes it. */
export type Made = Readonly<{ share: Uint8Array; publicKeys: Uint8Array }>

/** All shares of a key that somebody had whole, by index. They are secret: who dealt them wipes them. */
export type DealtKey = Readonly<{ shares: ByIndex; publicKeys: Uint8Array }>

/** What a key is made of that its participants contribute to. `session` names the making (32 bytes). `sorted`: the order of the participants makes no difference to the key. */
export type Frame = Size & Readonly<{ session: Uint8Array; sorted: boolean }>

/** What all know of a participant's own key: the public key, and the proof for this making and this participant that its owner has the secret. */
export type Contributed = Readonly<{ publicKey: Uint8Array; proof: Uint8Array }>

/** Makes a key of one that each participant has: each proves it, and whoever hears all has the public keys. */
export type Contribute = Readonly<{
  /** `secretKey` (32 bytes) is borrowed. `share` is secret: its owner wipes it. Throws `invalid_input` for what is no secret key. */
  begin: (
    of: Frame & Readonly<{ index: number; secretKey: Uint8Array }>,
  ) => Contributed & Readonly<{ share: Uint8Array }>
  /** The public keys of what 1…n have contributed. Takes public data only. Throws `bad_package` with all whose proof does not hold, or who have one key. */
  join: (of: Frame, all: ReadonlyMap<number, Contributed>) => Uint8Array
}>

/**
 * What a key is used for. `session` names this use, 32 bytes. `publicKey` is the one that a signature verifies under. `tweaks` make it of the group key, in
 * their order.
 */
export type UseInput = Readonly<{
  session: Uint8Array
  publicKeys: Uint8Array
  publicKey: Uint8Array
  message: Uint8Array
  tweaks: readonly KeyTweak[]
  /** For `presign` alone: the points (33 bytes) that there is to be a pre-signature for, each. */
  adaptors?: readonly Uint8Array[]
}>

/** The same for who holds the share of participant `index`, which is borrowed. */
export type ShareInput = UseInput & Readonly<{ index: number; share: Uint8Array }>

/** One thing that shares do together: a round in which each says something to all, then a partial of each, which are joined. */
export type Use = Readonly<{
  /** Can shares be used on this message at all? */
  takes: (message: Uint8Array) => boolean
  begin: Protocol<ShareInput, ShareInput, Uint8Array>
  /** Begins before the message is known, where that is as safe. The share is borrowed. */
  ahead?: (share: Uint8Array) => Extract<Step<ShareInput, Uint8Array>, { toAll: unknown }>
  /** The result, verified. Takes public data only. Throws `MpcError` `bad_partial` with all whose partial is wrong. */
  join: (of: UseInput, commitments: ByIndex, partials: ByIndex) => Uint8Array
  /** Is this the result of that use? False for what has the wrong length or form. */
  verify: (of: UseInput, result: Uint8Array) => boolean
}>

/** What all know of a key. `groupKey`: of these public keys. */
export type KnownKey = Readonly<{ groupKey: Uint8Array; publicKeys: Uint8Array }>

/** A scheme's cryptography. Everything throws `MpcError`, whose culprits are indices. */
export type Scheme = Readonly<{
  /** How its keys come about, as its facts say. */
  make: Readonly<{
    dkg?: Protocol<Member, null, Made>
    contribute?: Contribute
    /** Splits a whole key, which is borrowed, in the form that its standard gives it. Throws `invalid_input` for what is none. */
    deal?: (key: Size & Readonly<{ secretKey: Uint8Array }>) => DealtKey
    /** New shares of the same key: the last round needs the old one. */
    refresh?: Protocol<Member, Made, Made>
  }>
  use: Readonly<{ sign: Use } & { [U in UseName]?: Use }>
  describe: (publicKeys: Uint8Array) => Readonly<{ groupKey: Uint8Array; verifyingShares: ByIndex; threshold: number }>
  /** Is this the share of participant `index`: not zero, of these public keys, and nobody else's too? */
  isShareOf: (index: number, made: Made) => boolean
  /** Do these public keys need as many shares as they say? A dealer can make some of which fewer give the key. */
  needsThreshold: (publicKeys: Uint8Array) => boolean
  /** The public keys without those of all participants but these, who keep their indices. Throws `invalid_input` for others than the key has. */
  subgroup?: (publicKeys: Uint8Array, members: readonly number[]) => Uint8Array
  /** The group key as a compressed point (33 bytes), where wallets derive other keys of it (BIP-328). */
  point?: (publicKeys: Uint8Array) => Uint8Array
  /** The tweaks that make the child of a key by this path of BIP-32, unhardened, where it has `point`. Throws `invalid_input` where there is none. */
  childTweaks?: (publicKeys: Uint8Array, path: readonly number[]) => readonly KeyTweak[]
  /** The public key (32 bytes) that tweaks make of a key. Throws `invalid_input` for what is no tweak, makes no key, or is one too many for the scheme. */
  tweakedKey: (of: KnownKey, tweaks: readonly KeyTweak[]) => Uint8Array
}>
