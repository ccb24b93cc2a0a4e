import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { Made } from '@quorate/shared/schemes/scheme'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { subgroupKeysOf, type SubgroupKeys } from '@quorate/shared/verify/subgroups'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Roster } from '@quorate/shared/wire/keygen'
import type { Parts } from '../parts.ts'
import type { SharePlace } from '../ports.ts'

/**
 * What is certified: a key, or new shares of one. `ceremony` is D, or the digest of the request for a refresh; `epoch` and `previous` go
 * into the certificate.
 */
export type Frame = Readonly<{
  roster: Roster
  ceremony: Digest
  epoch: number
  previous: Digest | null
  /** What the outcome must be, beside a share of a key. Throws `certificate.invalid`. */
  check: (made: Made) => void
  /** The keys of the sub-groups of the roster, if it names some. */
  subgroupKeys: (publicKeys: Uint8Array) => Promise<SubgroupKeys>
  /** Seals the share with what belongs to it, for its place. */
  keep: (place: SharePlace, share: Uint8Array) => string
}>

/** Adds up the keys of a roster's sub-groups, once for all seats of a host: they are the same for each. */
export function addingSubgroups({ mpc, giveWay }: Parts, roster: Roster): Frame['subgroupKeys'] {
  let keys: Promise<SubgroupKeys> | null = null
  return (publicKeys) => (keys ??= subgroupKeysOf(mpc, roster, publicKeys, giveWay))
}

export type Certified = { certificate: CertificateBody; signature: string; sealedShare: string }

/** `misfit`: the refusal of what is no share of the key. */
type Certifying = Readonly<{ index: number; transcript: Digest; misfit?: RefusalCode }>

/**
 * Signs the certificate of what participant `index` was given, and seals its share for this place in it. Wipes the share. Throws
 * `certificate.invalid` for what is no share of the key: nobody else can ask that of it.
 */
export async function certify(
  { keys, mpc }: Parts,
  frame: Frame,
  { index, transcript, misfit = 'certificate.invalid' }: Certifying,
  made: Made,
): Promise<Certified> {
  try {
    const { roster, epoch, previous } = frame
    const { keyId, scheme: name } = roster.skeleton
    const scheme = schemeOf(mpc, name)
    if (!scheme.isShareOf(index, made)) throw new Refusal(misfit)
    frame.check(made)
    const certificate: CertificateBody = {
      version: 1,
      roster,
      groupKey: toHex(scheme.describe(made.publicKeys).groupKey),
      publicKeys: toBase64url(made.publicKeys),
      ...(await frame.subgroupKeys(made.publicKeys)),
      transcript,
      epoch,
      previous,
    }
    const place = { keyId, index, epoch, certificateDigest: digestOf('certificate', certificate) }
    const sealedShare = frame.keep(place, made.share)
    const { signature } = await keys.sign('certificate', certificate)
    return { certificate, signature, sealedShare }
  } finally {
    made.share.fill(0)
  }
}
