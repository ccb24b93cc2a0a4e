import { verifyBody } from '../crypto/sign.ts'
import type { Consent, Grant, Seconding } from '../wire/consent.ts'
import type { Digest, SignKey } from '../wire/ids.ts'

type Speaker = Readonly<{ skeletonDigest: Digest; index: number; authKey: SignKey }>

/** Did this owner, by the auth key registered for this key and share, sign the consent? What it permits, `permits` says. */
export async function isSignedBy(
  { skeletonDigest, index, authKey }: Speaker,
  consent: Consent | Seconding,
  verify: typeof verifyBody = verifyBody,
): Promise<boolean> {
  const { body } = consent
  return body.skeletonDigest === skeletonDigest && body.index === index && (await verify(authKey, 'consent', consent))
}

/** Is the grant of a registration, if it has one, its own owner's word on this key and share? */
export const hasOwnGrant = async (registration: Speaker & Readonly<{ grant: Grant | null }>): Promise<boolean> =>
  registration.grant === null || isSignedBy(registration, registration.grant)
