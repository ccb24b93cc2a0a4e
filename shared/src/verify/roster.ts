import type { Digest } from '../wire/ids.ts'
import { hasOwnGrant } from '../consent/signed.ts'
import { Refusal } from '../errors.ts'
import { digestOf, verifyBody } from '../crypto/sign.ts'
import type { RegistrationReceipt, Roster, Skeleton } from '../wire/keygen.ts'

/** One receipt: of this skeleton, for the participant at its index, signed by that participant's host; its grant, by its auth key. */
async function verifyRegistration(
  skeleton: Skeleton,
  skeletonDigest: string,
  receipt: RegistrationReceipt,
): Promise<boolean> {
  const participant = skeleton.participants[receipt.body.index - 1]
  return (
    participant !== undefined &&
    receipt.body.skeletonDigest === skeletonDigest &&
    receipt.body.userId === participant.userId &&
    (await verifyBody(participant.host.identity.signKey, 'registration-receipt', receipt)) &&
    (await hasOwnGrant(receipt.body))
  )
}

/**
 * Checks that every participant of the skeleton has registered, at its own host and under its own key, and gives D (hex).
 * Throws `keygen.roster_mismatch` with the indices that do not fit. Whether the hosts are enclaves is for attestation to say.
 */
export async function verifyRoster({ skeleton, registrations }: Roster): Promise<Digest> {
  const skeletonDigest = digestOf('skeleton', skeleton)
  if (registrations.length !== skeleton.participants.length) throw new Refusal('keygen.roster_mismatch')
  const culprits: number[] = []
  const authKeys = new Set<string>()
  for (const [at, receipt] of registrations.entries()) {
    const fits = receipt.body.index === at + 1 && (await verifyRegistration(skeleton, skeletonDigest, receipt))
    if (!fits || authKeys.has(receipt.body.authKey)) culprits.push(at + 1)
    authKeys.add(receipt.body.authKey)
  }
  if (culprits.length > 0) throw new Refusal('keygen.roster_mismatch', culprits)
  return digestOf('roster', { skeleton, registrations })
}
