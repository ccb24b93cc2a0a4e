import { fromHex } from '@quorate/shared/wire/bytes'
import type { UserId } from '@quorate/shared/wire/ids'
import type { Invitation } from '@quorate/shared/wire/keygen'
import type { Context } from '../context.ts'
import type { WholeKey } from './deal.ts'
import { GrantTerms } from './grant.ts'
import { acceptInvitation, fetchSkeleton, publicKeyOf, register, type JoinOptions } from './join.ts'
import type { Signer } from '../signer.ts'
import { Keygen, type KeygenKnowledge } from './keygen.ts'
import { reserve, type ReserveOptions } from './reserve.ts'
import { requireDealer, requireSpread, type SpreadOptions } from './skeleton.ts'

/** With what a participant joins: a standing grant, or null to be asked for each signing; and how many shares an enclave may hold. */
export type Joining = Readonly<{ grant?: GrantTerms | null }> & SpreadOptions

/**
 * For a scheme to which each participant contributes a key: the own secret key (32 bytes), which is borrowed, and goes to the own enclave alone.
 * The enclave draws one where nothing is said.
 */
export type Bringing = Readonly<{ ownKey?: Uint8Array | undefined }>

/** What an invited person says. `dealtBy`, `ownPublicKey`: see `Participant.participate`. */
export type Invited = Joining &
  Bringing &
  Readonly<{ dealtBy?: string | undefined; ownPublicKey?: string | undefined; signal?: AbortSignal | undefined }>

/** Who takes part. */
export type Taker = Readonly<{ context: Context; userId: UserId; signer: Signer }>

/** Throws a `ZodError` that says where it does not fit. */
const readTerms = (grant: GrantTerms | null | undefined): GrantTerms | null =>
  GrantTerms.nullable().parse(grant ?? null)

/** Reserves a key, and registers oneself when one is among its participants. */
export async function reserveOwn(
  me: Taker,
  { grant: wished, ownKey, ...options }: ReserveOptions & Joining & Bringing,
): Promise<Keygen> {
  const grant = readTerms(wished)
  if (ownKey !== undefined) publicKeyOf((await me.context.mpc()).secp256k1, options, ownKey)
  const known = await reserve(me.context, options)
  return joinOwn(me, known, { grant, ownKey: ownKey ?? null, signal: options.signal })
}

/** The same for a key that one has whole, which is wiped in every case. */
export async function dealOwn(
  me: Taker,
  { secretKey, publicKey, grant: wished, ...options }: WholeKey & ReserveOptions & Joining,
): Promise<Keygen> {
  try {
    const grant = readTerms(wished)
    const known = await reserve(me.context, options, { secretKey, publicKey, by: me.userId })
    return await joinOwn(me, known, { grant, ownKey: null, signal: options.signal })
  } finally {
    secretKey.fill(0)
  }
}

async function joinOwn(
  { context, userId, signer }: Taker,
  known: KeygenKnowledge,
  joining: Omit<JoinOptions, 'signer'>,
): Promise<Keygen> {
  const keygen = new Keygen(context, known)
  if (!known.invitationKeys.has(userId)) return keygen
  const invitation = keygen.invitation(userId)
  const own = await register(context, known.skeleton, invitation, { signer, ...joining })
  return new Keygen(context, { ...known, own })
}

/** Takes part in a key that somebody else reserved. */
export async function takePart(
  { context, userId, signer }: Taker,
  invitation: Invitation,
  { grant: wished, sharesPerEnclave, dealtBy, ownKey, ownPublicKey, signal }: Invited,
): Promise<Keygen> {
  const grant = readTerms(wished)
  acceptInvitation(invitation, userId)
  const { keyId, skeletonDigest } = invitation
  context.known.requireFrame(keyId, skeletonDigest)
  const skeleton = await fetchSkeleton(context, invitation, signal)
  requireSpread(skeleton, { sharesPerEnclave })
  requireDealer(skeleton, dealtBy)
  const joining = { signer, grant, ownKey: ownKey ?? ownPublicKey ?? null, signal }
  const own = await register(context, skeleton, invitation, joining)
  context.known.noteFrame(keyId, skeletonDigest)
  const sessionSecret = fromHex(invitation.sessionSecret)
  return new Keygen(context, { skeleton, sessionSecret, own, invitationKeys: new Map() })
}
