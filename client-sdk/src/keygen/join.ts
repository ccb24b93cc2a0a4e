import { MpcError, type Secp256k1 } from '@quorate/shared/mpc'
import { sealTo } from '@quorate/shared/crypto/ecies'
import { openMode } from '@quorate/shared/verify/key-mode'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { makesBy } from '@quorate/shared/schemes/table'
import { contributionTo, type Invitation, type Skeleton } from '@quorate/shared/wire/keygen'
import type { Context } from '../context.ts'
import { QuorateError, refuse } from '../errors.ts'
import { readerSigner } from '../http/reader.ts'
import type { Signer } from '../signer.ts'
import { writeGrant, type GrantTerms } from './grant.ts'
import {
  acceptReceipt,
  acceptSkeleton,
  ownRegistration,
  writeRegistration,
  type OwnRegistration,
} from './registration.ts'

/**
 * `ownKey`: the own key that is brought, borrowed, or the public key of one that an earlier run sent, and which is not sent again; null where the
 * host draws what there is to draw.
 */
export type JoinOptions = Readonly<{
  signer: Signer
  grant: GrantTerms | null
  ownKey: Uint8Array | string | null
  signal?: AbortSignal | undefined
}>

/**
 * Fetches the skeleton as an invited person and accepts it only if it is the one of the invitation, session secret included, and its mode can be
 * read.
 */
export async function fetchSkeleton(context: Context, invitation: Invitation, signal?: AbortSignal): Promise<Skeleton> {
  const { keyId } = invitation
  const sessionSecret = fromHex(invitation.sessionSecret)
  const reader = await context.readerOf(keyId, sessionSecret)
  const { skeleton } = await reader('getSlots', { params: { keyId }, signal })
  acceptSkeleton(skeleton, invitation)
  const { publicKey } = await readerSigner(sessionSecret)
  if (skeleton.readerKey !== toHex(publicKey)) return refuse('invitation.invalid')
  openMode(sessionSecret, skeleton)
  return skeleton
}

/** What the participant is about to register. */
export async function writeOwn(
  context: Context,
  skeleton: Skeleton,
  userId: string,
  { signer: pairs, grant: terms, ownKey }: Omit<JoinOptions, 'signal'>,
): Promise<OwnRegistration> {
  const participant = skeleton.participants.find((one) => one.userId === userId) ?? refuse('participant.unknown')
  const publicKey = ownKey && publicKeyOf((await context.mpc()).secp256k1, skeleton, ownKey)
  const signer = await pairs.forKey(skeleton.keyId)
  const { index } = participant
  const grant = terms && (await writeGrant(skeleton, { index, signer }, terms, context.now()))
  return ownRegistration(skeleton, participant, signer.publicKey, { grant, publicKey })
}

/**
 * Step 5 of making a key: the participant's host proves itself, gets the registration sealed to the key that it proved, and
 * answers with a receipt that must say the same. A gateway that takes registrations no longer may have this one already, from an
 * earlier run: then the certificate will tell.
 */
export async function sendOwn(
  context: Context,
  skeleton: Skeleton,
  own: OwnRegistration,
  {
    signer: pairs,
    invitationKey,
    ownKey,
    signal,
  }: Omit<JoinOptions, 'grant'> & Readonly<{ invitationKey: Uint8Array }>,
): Promise<void> {
  const { userId, index } = own
  const { identity } = skeleton.participants[index - 1]?.host ?? refuse('participant.unknown')
  await context.attestor.prove(identity, signal)
  if (typeof ownKey === 'string') return
  const { secp256k1 } = await context.mpc()
  const signer = await pairs.forKey(skeleton.keyId)
  const plaintext = await writeRegistration(own, contributionTo(skeleton, ownKey), { invitationKey, signer })
  const sealed = toBase64url(sealTo(secp256k1, fromHex(identity.sealKey), plaintext))
  plaintext.fill(0)
  try {
    const { keyId } = skeleton
    const { receipt } = await context.client.call('register', { params: { keyId }, body: { userId, sealed }, signal })
    await acceptReceipt(own, identity.signKey, receipt)
  } catch (error) {
    if (!(error instanceof QuorateError && error.code === 'session.conflict')) throw error
  }
}

/** Throws `secret.invalid` for what is no secret key, and `keygen.contribution_invalid` where the scheme takes none. */
export function publicKeyOf(
  curve: Secp256k1,
  { scheme }: Pick<Skeleton, 'scheme'>,
  ownKey: Uint8Array | string,
): string {
  if (!makesBy(scheme, 'contribute')) return refuse('keygen.contribution_invalid')
  if (typeof ownKey === 'string') return ownKey
  try {
    return toHex(curve.publicKey(ownKey))
  } catch (error) {
    if (error instanceof MpcError && error.code === 'invalid_input') return refuse('secret.invalid')
    throw error
  }
}

/** The invitation must be for this person. Throws `invitation.invalid`. */
export const acceptInvitation = (invitation: Invitation, userId: string): Invitation =>
  invitation.userId === userId ? invitation : refuse('invitation.invalid')
