import { fromHex } from '@quorate/shared/wire/bytes'
import type { Invitation } from '@quorate/shared/wire/keygen'
import * as z from 'zod/mini'
import type { Person } from '../person.ts'
import type { WholeKey } from './deal.ts'
import { GrantTerms } from './grant.ts'
import { acceptInvitation, fetchSkeleton, publicKeyOf, sendOwn, writeOwn, type JoinOptions } from './join.ts'
import { Keygen, type KeygenKnowledge } from './keygen.ts'
import { writeToken } from './token.ts'
import { reserve, type ReserveOptions } from './reserve.ts'
import { requireDealer, requireSpread, type SpreadOptions } from './skeleton.ts'

/** With what a participant joins: a standing grant, or null to be asked for each signing; and how many shares an enclave may hold. */
export type Joining = Readonly<{ grant?: GrantTerms | null | undefined }> & SpreadOptions

/**
 * For a scheme to which each participant contributes a key: the own secret key (32 bytes), which is borrowed, and goes to the own enclave alone.
 * The enclave draws one where nothing is said.
 */
export type Bringing = Readonly<{ ownKey?: Uint8Array | undefined }>

/**
 * `keep`: is given what `resumeKey` goes on with after a crash, before the own registration is sent, which waits until it is kept. It is a SECRET: text,
 * the same for as long as the key is in the making.
 */
export type Keeping = Readonly<{ keep?: ((token: string) => void | Promise<void>) | undefined }>

/** What an invited person says. `dealtBy`, `ownPublicKey`: see `Participant.participate`. */
export type Invited = Joining &
  Bringing &
  Keeping &
  Readonly<{ dealtBy?: string | undefined; ownPublicKey?: string | undefined; signal?: AbortSignal | undefined }>

/** Throws a `ZodError` that says where it does not fit. */
const readTerms = (grant: GrantTerms | null | undefined): GrantTerms | null =>
  z.nullable(GrantTerms).parse(grant ?? null)

/** Reserves a key, and registers oneself when one is among its participants. */
export async function reserveOwn(
  me: Person,
  { grant: wished, ownKey, keep, ...options }: ReserveOptions & Joining & Bringing & Keeping,
): Promise<Keygen> {
  const grant = readTerms(wished)
  if (ownKey !== undefined) publicKeyOf((await me.context.mpc()).secp256k1, options, ownKey)
  const known = await reserve(me.context, options)
  return joinOwn(me, known, { grant, ownKey: ownKey ?? null, keep, signal: options.signal })
}

/** The same for a key that one has whole, which is wiped in every case. */
export async function dealOwn(
  me: Person,
  { secretKey, publicKey, grant: wished, keep, ...options }: WholeKey & ReserveOptions & Joining & Keeping,
): Promise<Keygen> {
  try {
    const grant = readTerms(wished)
    const known = await reserve(me.context, options, { secretKey, publicKey, by: me.userId })
    return await joinOwn(me, known, { grant, ownKey: null, keep, signal: options.signal })
  } finally {
    secretKey.fill(0)
  }
}

async function joinOwn(
  me: Person,
  known: KeygenKnowledge,
  joining: Omit<JoinOptions, 'signer'> & Keeping,
): Promise<Keygen> {
  const invitationKey = known.invitationKeys.get(me.userId)
  if (invitationKey !== undefined) return join(me, known, invitationKey, joining)
  await joining.keep?.(writeToken(me.userId, { ...known, joining: null }))
  return new Keygen(me.context, known)
}

/** Takes part in a key that somebody else reserved. */
export async function takePart(
  me: Person,
  invitation: Invitation,
  { grant: wished, sharesPerEnclave, dealtBy, ownKey, ownPublicKey, keep, signal }: Invited,
): Promise<Keygen> {
  const { context, userId } = me
  const grant = readTerms(wished)
  acceptInvitation(invitation, userId)
  const { keyId, skeletonDigest } = invitation
  context.known.requireFrame(keyId, skeletonDigest)
  const skeleton = await fetchSkeleton(context, invitation, signal)
  requireSpread(skeleton, { sharesPerEnclave })
  requireDealer(skeleton, dealtBy)
  const known = { skeleton, sessionSecret: fromHex(invitation.sessionSecret), invitationKeys: new Map() }
  const joining = { grant, ownKey: ownKey ?? ownPublicKey ?? null, keep, signal }
  const keygen = await join(me, known, fromHex(invitation.invitationKey), joining)
  context.known.noteFrame(keyId, skeletonDigest)
  return keygen
}

/** Registers the own share, once what is registered is kept. */
async function join(
  { context, userId, signer }: Person,
  known: Omit<KeygenKnowledge, 'own'>,
  invitationKey: Uint8Array,
  { keep, ...options }: Omit<JoinOptions, 'signer'> & Keeping,
): Promise<Keygen> {
  const { skeleton } = known
  const own = await writeOwn(context, skeleton, userId, { signer, ...options })
  await keep?.(writeToken(userId, { ...known, joining: { own, invitationKey } }))
  await sendOwn(context, skeleton, own, { signer, invitationKey, ...options })
  return new Keygen(context, { ...known, own })
}
