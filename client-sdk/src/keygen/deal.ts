import { MpcError, type Mpc } from '@quorate/shared/mpc'
import type { DealtKey } from '@quorate/shared/schemes/scheme'
import { makeOf, schemeOf } from '@quorate/shared/schemes/cryptography'
import { makesBy, type SchemeName } from '@quorate/shared/schemes/table'
import { dealtDigest } from '@quorate/shared/verify/dealt'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { Dealt } from '@quorate/shared/wire/keygen'
import { QuorateError, refuse } from '../errors.ts'

/**
 * A key that somebody has whole. `secretKey`: a BIP-340 secret key, or an RFC 8032 private key (the seed), 32 bytes. `publicKey`: the one
 * that belongs to it, hex, where it is known: another secret is refused.
 */
export type WholeKey = Readonly<{ secretKey: Uint8Array; publicKey?: string | undefined }>

type Frame = Readonly<{ scheme: SchemeName; participants: readonly string[]; threshold: number }>

/**
 * Splits a key into shares, and names it as the skeleton does. Who gets the shares wipes them. Throws `secret.invalid` for what is no
 * secret key, or not that of `publicKey`, and `request.invalid` where the scheme has no dealer.
 */
export function deal(
  mpc: Mpc,
  { scheme: name, participants, threshold }: Frame,
  { secretKey, publicKey }: WholeKey,
  by: string,
): Readonly<{ key: DealtKey; dealt: Dealt }> {
  if (!makesBy(name, 'deal'))
    throw new QuorateError('request.invalid', 'client', { issues: ['scheme: keys of this scheme are not dealt'] })
  const scheme = schemeOf(mpc, name)
  const key = orInvalid(() => makeOf(mpc, name, 'deal')({ secretKey, participants: participants.length, threshold }))
  const groupKey = toHex(scheme.describe(key.publicKeys).groupKey)
  if (publicKey !== undefined && publicKey !== groupKey) {
    wipeShares(key)
    return refuse('secret.invalid')
  }
  return { key, dealt: Dealt.parse({ by, groupKey, publicKeys: dealtDigest(toBase64url(key.publicKeys)) }) }
}

/** The layer says no more than that it takes no such thing. */
function orInvalid<T>(split: () => T): T {
  try {
    return split()
  } catch (error) {
    if (error instanceof MpcError && error.code === 'invalid_input') throw new QuorateError('secret.invalid', 'client')
    throw error
  }
}

export function wipeShares({ shares }: DealtKey): void {
  for (const share of shares.values()) share.fill(0)
}
