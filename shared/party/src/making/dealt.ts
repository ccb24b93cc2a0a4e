import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { describesKey } from '@quorate/shared/verify/certificate'
import { dealtDigest } from '@quorate/shared/verify/dealt'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { Init, Skeleton } from '@quorate/shared/wire/keygen'
import type { Source } from './accept.ts'

/** What a dealer made for this host: shares, which are taken out once, of these public keys, which are checked. */
export type DealtShares = Readonly<{ publicKeys: Uint8Array; shares: Map<number, Uint8Array> }>

/**
 * Takes what a dealer sealed to this host, which hosts these participants: the public keys that the skeleton names, for its threshold,
 * participants and group key, all on one polynomial of no lower degree, and a share of each participant. To check a share takes as long as to
 * load one: the first is checked here, each of the others before it is certified. Null for a key that is drawn. Throws
 * `keygen.dealt_invalid`, which names nobody: only who reserved the key can have sealed it.
 */
export function takeDealt(
  mpc: Mpc,
  skeleton: Skeleton,
  hosted: readonly number[],
  dealt: Init['dealt'],
): DealtShares | null {
  if (skeleton.dealt === undefined && dealt === undefined) return null
  if (skeleton.dealt === undefined || dealt === undefined) throw new Refusal('keygen.dealt_invalid')
  const { groupKey, publicKeys: named } = skeleton.dealt
  const publicKeys = fromBase64url(dealt.publicKeys)
  const { isShareOf, needsThreshold } = schemeOf(mpc, skeleton.scheme)
  const isNamed =
    dealtDigest(dealt.publicKeys) === named &&
    describesKey(mpc, { roster: { skeleton }, groupKey, publicKeys: dealt.publicKeys }) &&
    needsThreshold(publicKeys)
  const shares = new Map(dealt.shares.map(({ index, share }) => [index, share]))
  const isWhole = shares.size === dealt.shares.length && shares.size === hosted.length
  const isThere = isWhole && hosted.every((index) => shares.has(index))
  const [first] = hosted.map((index) => ({ index, share: shares.get(index) ?? new Uint8Array() }))
  const isOwn = first !== undefined && isShareOf(first.index, { share: first.share, publicKeys })
  if (!isNamed || !isThere || !isOwn) throw new Refusal('keygen.dealt_invalid')
  return { publicKeys, shares }
}

/** What a dealer made, as hosts accept it. Its public keys, which all hosts were given, stand for what nobody said. */
export const dealtSource = ({ shares, publicKeys }: DealtShares): Source => ({
  take(index) {
    const share = shares.get(index)
    if (share === undefined) throw new Refusal('keygen.roster_mismatch')
    shares.delete(index)
    return { share, publicKeys }
  },
  transcript({ skeleton: { dealt } }) {
    if (dealt === undefined) throw new Refusal('keygen.out_of_order')
    return dealt.publicKeys
  },
  misfit: 'keygen.dealt_invalid',
  wipe: () => wipeDealt({ shares }),
})

export function wipeDealt({ shares }: Pick<DealtShares, 'shares'>): void {
  for (const share of shares.values()) share.fill(0)
  shares.clear()
}
