import { digestOf } from '../crypto/sign.ts'
import type { CertificateBody } from '../wire/certificate.ts'
import type { Digest } from '../wire/ids.ts'

/** How a skeleton names the public keys that a dealer made (base64url, as a certificate holds them). */
export const dealtDigest = (publicKeys: string): Digest => digestOf('dealt', publicKeys)

/**
 * Is a key that was dealt the one that its skeleton names? At epoch 0 its public keys are those of the dealer. A refresh makes other
 * shares of the same key.
 */
export function keepsWhatWasDealt({ roster, groupKey, publicKeys, epoch }: CertificateBody): boolean {
  const { dealt } = roster.skeleton
  if (dealt === undefined) return true
  return groupKey === dealt.groupKey && (epoch > 0 || dealtDigest(publicKeys) === dealt.publicKeys)
}
