import type { Digest } from '../wire/ids.ts'
import { hasOwnGrant } from '../consent/signed.ts'
import { Refusal } from '../errors.ts'
import { digestOf, verifyBody } from '../crypto/sign.ts'
import { makesBy } from '../schemes/table.ts'
import type { RegistrationReceipt, Roster, Skeleton } from '../wire/keygen.ts'

/** Has this participant's host signed the receipt, for this place in this skeleton? Any other may have been put there on the way. */
async function isReceiptOf(
  skeleton: Skeleton,
  skeletonDigest: string,
  index: number,
  receipt: RegistrationReceipt,
): Promise<boolean> {
  const participant = skeleton.participants[index - 1]
  return (
    participant !== undefined &&
    receipt.body.index === index &&
    receipt.body.skeletonDigest === skeletonDigest &&
    receipt.body.userId === participant.userId &&
    (await verifyBody(participant.host.identity.signKey, 'registration-receipt', receipt))
  )
}

/**
 * Checks that every participant of the skeleton has registered, at its own host and under its own key, and gives D (hex). Throws
 * `keygen.roster_mismatch`, with those whose host signed for a grant that is not its owner's, or for a key of its own where the scheme has none, or for none where it has. Whether the hosts are enclaves is for
 * attestation to say.
 */
export async function verifyRoster({ skeleton, registrations }: Roster): Promise<Digest> {
  const skeletonDigest = digestOf('skeleton', skeleton)
  if (registrations.length !== skeleton.participants.length) throw new Refusal('keygen.roster_mismatch')
  const contributes = makesBy(skeleton.scheme, 'contribute')
  const culprits: number[] = []
  const authKeys = new Set<string>()
  for (const [at, receipt] of registrations.entries()) {
    const isSigned = await isReceiptOf(skeleton, skeletonDigest, at + 1, receipt)
    // Of two under one key, nobody can tell here whose it is.
    if (!isSigned || authKeys.has(receipt.body.authKey)) throw new Refusal('keygen.roster_mismatch')
    const isWhole = (receipt.body.contributed !== undefined) === contributes
    if (!isWhole || !(await hasOwnGrant(receipt.body))) culprits.push(at + 1)
    authKeys.add(receipt.body.authKey)
  }
  if (culprits.length > 0) throw new Refusal('keygen.roster_mismatch', culprits)
  return digestOf('roster', { skeleton, registrations })
}
