import { encode } from '@quorate/shared/crypto/cbor'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { registrationMac } from '@quorate/shared/verify/registration'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Grant } from '@quorate/shared/wire/consent'
import {
  Registration,
  RegistrationBody,
  type Contribution,
  type Invitation,
  type RegistrationReceipt,
  type Skeleton,
} from '@quorate/shared/wire/keygen'
import * as z from 'zod/mini'
import { refuse } from '../errors.ts'
import type { KeySigner } from '../signer.ts'
import { skeletonDigest } from './skeleton.ts'

/** What a participant registers, and will look for in the certificate. `publicKey`: of its own key, where it brings one. */
export type OwnRegistration = Omit<RegistrationReceipt['body'], 'contributed'> & Readonly<{ publicKey: string | null }>

/** Has the host taken exactly this? A key that it drew is its own choice. */
export const isTakenAs = (
  { publicKey, ...own }: OwnRegistration,
  { contributed, ...taken }: RegistrationReceipt['body'],
): boolean =>
  digestOf('registration-receipt', own) === digestOf('registration-receipt', taken) &&
  (publicKey === null || publicKey === contributed?.publicKey)

/** The skeleton must be the one that the invitation names, and hold the invited. Throws `keygen.skeleton_mismatch` or `invitation.invalid`. */
export function acceptSkeleton(skeleton: Skeleton, invitation: Invitation): Skeleton['participants'][number] {
  const same = skeletonDigest(skeleton) === invitation.skeletonDigest && skeleton.keyId === invitation.keyId
  if (!same || skeleton.dealt?.by !== invitation.dealtBy) return refuse('keygen.skeleton_mismatch')
  return skeleton.participants.find(({ userId }) => userId === invitation.userId) ?? refuse('invitation.invalid')
}

/** The registration, proved by invitation key and authorisation key. */
export async function writeRegistration(
  own: OwnRegistration,
  contribution: Contribution,
  { invitationKey, signer }: Readonly<{ invitationKey: Uint8Array; signer: KeySigner }>,
): Promise<Uint8Array> {
  const { skeletonDigest, userId, index, authKey, grant } = own
  const body = RegistrationBody.parse({ skeletonDigest, userId, index, authKey, grant, contribution })
  const mac = toHex(registrationMac(invitationKey, body))
  const signature = toHex(await signer.sign(taggedHash('register', body)))
  return encode(Registration.parse({ purpose: 'register', body, mac, signature }))
}

/** The host must have accepted exactly what was sent, under its own key V (hex). Throws `receipt.invalid`. */
export async function acceptReceipt(
  own: OwnRegistration,
  signKey: string,
  receipt: RegistrationReceipt,
): Promise<void> {
  const sound = isTakenAs(own, receipt.body) && (await verifyBody(signKey, 'registration-receipt', receipt))
  if (!sound) refuse('receipt.invalid')
}

/** What a participant of this skeleton registers. */
export const ownRegistration = (
  skeleton: Skeleton,
  { userId, index }: Pick<Skeleton['participants'][number], 'userId' | 'index'>,
  authKey: string,
  { grant, publicKey }: Readonly<{ grant: Grant | null; publicKey: string | null }>,
): OwnRegistration => {
  const { skeletonDigest: digest, ...rest } = z.omit(RegistrationBody, { contribution: true }).parse({
    skeletonDigest: skeletonDigest(skeleton),
    userId,
    index,
    authKey,
    grant,
  })
  return { skeletonDigest: digest, ...rest, publicKey }
}
