import type { KeyTweak } from './tweak.ts'

/** `frost-secp256k1-tr` signs BIP-340, `frost-ed25519` RFC 8032 (both: RFC 9591 with that verification). */
export type Scheme = 'frost-secp256k1-tr' | 'frost-ed25519'

/** Bytes by participant index, 1…65535. */
export type ByIndex = ReadonlyMap<number, Uint8Array>

/** What is signed under in `frost-secp256k1-tr`. Absent or null: the group key itself (BIP-340). In `frost-ed25519` always. */
export type Tweak = KeyTweak | null

/** Who makes a key. 2 ≤ threshold ≤ participants. */
type Group = { participants: number; threshold: number }

/** A quorum's commitments and what it signs; the same for all that sign, or the partials do not fit. */
type Signing = { commitments: ByIndex; message: Uint8Array; tweak?: Tweak }

/**
 * FROST (RFC 9591) with its distributed key generation, over ZF's crates; values are their canonical serialisations, and
 * nothing but the canonical form is read. `secret`, `share`, `nonces`, round-two packages, deltas and sigmas are secret;
 * all else is public. The caller owns what is returned and wipes what is secret. Every call throws `MpcError`.
 *
 * The group key is 32 bytes. After DKG in `frost-secp256k1-tr` it is Q = P + H_TapTweak(P)·G, x-only, where P is the sum
 * of the participants' constant terms: the crate tweaks so that nobody can have hidden a script path in P. After
 * `dealerSplit` it is the imported key's own. In both cases share and public keys are negated where Q's Y is odd, so
 * that 32 bytes determine the key, and signing without tweak is under Q.
 */
export type Frost = {
  /** Round one: `package` goes to all others, over a channel where all see the same. */
  dkgPart1(a: Group & { index: number }): { secret: Uint8Array; package: Uint8Array }
  /** Takes all others' round-one packages; each of `packages` goes to that participant alone, sealed. Names liars. */
  dkgPart2(a: { secret: Uint8Array; packages: ByIndex }): { secret: Uint8Array; packages: Map<number, Uint8Array> }
  /** Takes the round-one packages of part 2, unchanged, and the round-two packages that came to this participant. */
  dkgPart3(a: { secret: Uint8Array; round1: ByIndex; round2: ByIndex }): { share: Uint8Array; publicKeys: Uint8Array }
  /** `secretKey`: a BIP-340 secret key, or an RFC 8032 private key (the 32-byte seed). Who gets a share verifies it. */
  dealerSplit(a: Group & { secretKey: Uint8Array }): { shares: Map<number, Uint8Array>; publicKeys: Uint8Array }
  /** Whether a share is the one that the public keys speak of, and all quorums of them sign for the group key. */
  verifyShare(a: { share: Uint8Array; publicKeys: Uint8Array }): boolean

  /** Round one of signing. `nonces` may sign once, then must be wiped. */
  commit(a: { share: Uint8Array }): { nonces: Uint8Array; commitments: Uint8Array }
  /** A partial signature, 32 bytes. `commitments` holds one's own unchanged, and at least threshold in all. */
  sign(a: Signing & { share: Uint8Array; nonces: Uint8Array }): Uint8Array
  /** The signature, 64 bytes, verified; or `bad_partial` with all whose partial is wrong. Takes public data only. */
  aggregate(a: Signing & { publicKeys: Uint8Array; partials: ByIndex }): Uint8Array
  /** Whether one partial is right, which `aggregate` finds out by itself when it matters. */
  verifyPartial(a: Signing & { publicKeys: Uint8Array; index: number; partial: Uint8Array }): boolean
  /** BIP-340, or Ed25519 with canonical points of prime order. `publicKey` 32, `signature` 64 bytes; else false. */
  verify(a: { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array }): boolean

  /** What is in `publicKeys`; verifying shares are 33 (SEC1) or 32 bytes. */
  describe(a: { publicKeys: Uint8Array }): PublicDescription
  /** The inverse of `describe`, for who has a key's certificate only. Refuses shares that do not fit the group key. */
  publicKeysFrom(a: { groupKey: Uint8Array; verifyingShares: ByIndex; threshold: number }): Uint8Array
  /** The X of a tweaked group key, 32 bytes. `frost-secp256k1-tr` only. */
  tweakedKey(a: { groupKey: Uint8Array; tweak: KeyTweak }): Uint8Array

  /** New shares of the same key, in three parts as in DKG. `participants` counts those who take part and stay. */
  refreshPart1(a: Group & { index: number }): { secret: Uint8Array; package: Uint8Array }
  refreshPart2(a: { secret: Uint8Array; packages: ByIndex }): { secret: Uint8Array; packages: Map<number, Uint8Array> }
  refreshPart3(a: {
    secret: Uint8Array
    round1: ByIndex
    round2: ByIndex
    share: Uint8Array
    publicKeys: Uint8Array
  }): { share: Uint8Array; publicKeys: Uint8Array }

  /** A lost share again, from at least threshold helpers: each sends each helper (itself too) one delta, sealed, … */
  repairPart1(a: { share: Uint8Array; helpers: readonly number[]; lost: number }): Map<number, Uint8Array>
  /** … adds up the deltas it got, by sender, to one sigma for the participant that lost its share, sealed, … */
  repairPart2(a: { deltas: ByIndex }): Uint8Array
  /** … which adds up the sigmas, by helper, and accepts the share only if it is the one in the public keys. */
  repairPart3(a: { index: number; sigmas: ByIndex; publicKeys: Uint8Array }): Uint8Array
}

export type PublicDescription = { groupKey: Uint8Array; verifyingShares: Map<number, Uint8Array>; threshold: number }
