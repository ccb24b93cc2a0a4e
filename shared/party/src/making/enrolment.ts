import { Refusal } from '@quorate/shared/errors'
import { decode } from '@quorate/shared/crypto/cbor'
import { hasOwnGrant } from '@quorate/shared/consent/signed'
import { readerSeed } from '@quorate/shared/crypto/session-items'
import { openMode } from '@quorate/shared/verify/key-mode'
import { createSigner, digestOf } from '@quorate/shared/crypto/sign'
import { verifyRegistrationProof } from '@quorate/shared/verify/registration'
import { maySitTogether } from '@quorate/shared/verify/spread'
import { toHex } from '@quorate/shared/wire/bytes'
import { Init, Registration, type RegistrationReceipt, type Skeleton } from '@quorate/shared/wire/keygen'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Mpc } from '@quorate/shared/mpc'
import type { z } from 'zod/mini'
import type { Parts } from '../parts.ts'
import type { HostKeys } from '../ports.ts'
import {
  ownKey,
  requireContribution,
  wipeContribution,
  wipeContributions,
  type Contributions,
  type OwnKey,
} from './contribution.ts'
import { takeDealt, wipeDealt, type DealtShares } from './dealt.ts'

/** A keygen as one enclave knows it before the first round: the frame, its secrets, and who of its own has registered. */
export type Enrolment = Readonly<{
  skeleton: Skeleton
  skeletonDigest: Digest
  sessionSecret: Uint8Array
  invitationKeys: ReadonlyMap<number, Uint8Array>
  /** Of the participants hosted here: what they registered (digest of the whole registration) and the receipt for it. */
  registered: Map<number, { digest: string; receipt: RegistrationReceipt }>
  /** What its dealer made for this host; null for a key that is drawn. */
  dealt: DealtShares | null
  /** The keys of those who have registered, where each contributes one. */
  contributions: Contributions
}>

/** Opens a sealed message of the given purpose. Throws `seal.invalid` for everything that is not exactly that. */
function openFor<T extends z.ZodMiniType>(keys: HostKeys, schema: T, sealed: Uint8Array): z.infer<T> {
  const plaintext = keys.open(sealed)
  try {
    const parsed = schema.safeParse(decode(plaintext))
    if (!parsed.success) throw new Refusal('seal.invalid')
    return parsed.data
  } finally {
    plaintext.fill(0)
  }
}

function hostedBy(keys: HostKeys, skeleton: Skeleton): number[] {
  const own = digestOf('identity', keys.identity)
  const mine = skeleton.participants.filter(({ host }) => digestOf('identity', host.identity) === own)
  return mine.map(({ index }) => index)
}

/**
 * Opens the sealed part of an init and holds it against the skeleton. Throws `seal.invalid`, `keygen.expired`, or
 * `keygen.skeleton_mismatch` when it was sealed for another skeleton or for other participants than this enclave hosts, or
 * when S is not the secret of the skeleton's reader key: who does not know S can begin no keygen in another's name. Throws
 * `keygen.crowded` when this host would hold a quorum of the shares, and the skeleton does not say that it may; `keygen.dealt_invalid`.
 */
export async function openInit(
  { keys, mpc }: Pick<Parts, 'keys' | 'mpc'>,
  skeleton: Skeleton,
  sealed: Uint8Array,
  now: number,
): Promise<Enrolment> {
  const init = openFor(keys, Init, sealed)
  try {
    return await enrolmentOf(hostedBy(keys, skeleton), mpc, { skeleton, init, now })
  } catch (error) {
    wipeInit(init)
    throw error
  }
}

type Opened = Readonly<{ skeleton: Skeleton; init: Init; now: number }>

async function enrolmentOf(hosted: readonly number[], mpc: Mpc, { skeleton, init, now }: Opened): Promise<Enrolment> {
  const skeletonDigest = digestOf('skeleton', skeleton)
  const invited = init.invitationKeys.map(({ index }) => index)
  const same = invited.length === hosted.length && hosted.every((index) => invited.includes(index))
  if (init.skeletonDigest !== skeletonDigest || hosted.length === 0 || !same)
    throw new Refusal('keygen.skeleton_mismatch')
  if (!maySitTogether(skeleton, hosted)) throw new Refusal('keygen.crowded')
  if (skeleton.expiresAt <= now) throw new Refusal('keygen.expired')
  const { sessionSecret } = init
  if ((await readerKeyOf(sessionSecret)) !== skeleton.readerKey) throw new Refusal('keygen.skeleton_mismatch')
  openMode(sessionSecret, skeleton)
  return {
    skeleton,
    skeletonDigest,
    sessionSecret,
    invitationKeys: new Map(init.invitationKeys.map(({ index, key }) => [index, key])),
    registered: new Map(),
    contributions: new Map(),
    dealt: takeDealt(mpc, skeleton, hosted, init.dealt),
  }
}

function wipeInit({ sessionSecret, invitationKeys, dealt }: Init): void {
  for (const secret of [sessionSecret, ...invitationKeys.map(({ key }) => key)]) secret.fill(0)
  for (const { share } of dealt?.shares ?? []) share.fill(0)
}

async function readerKeyOf(sessionSecret: Uint8Array): Promise<string> {
  const seed = readerSeed(sessionSecret)
  const { publicKey } = await createSigner(seed)
  seed.fill(0)
  return toHex(publicKey)
}

/**
 * Admits a participant: of this skeleton, invited, hosted here, holding the key it names, the first in its slot. The same
 * registration again gets the same receipt. Throws `keygen.invitation_invalid`, `keygen.slot_taken`, `consent.invalid`, …
 */
export async function register(
  parts: Pick<Parts, 'keys' | 'mpc'>,
  enrolment: Enrolment,
  sealed: Uint8Array,
): Promise<RegistrationReceipt> {
  const registration = openFor(parts.keys, Registration, sealed)
  try {
    await requireInvited(enrolment, registration)
    return await admit(parts, enrolment, registration)
  } finally {
    wipeContribution(registration.body.contribution)
  }
}

async function requireInvited(enrolment: Enrolment, registration: Registration): Promise<void> {
  const { body } = registration
  if (body.skeletonDigest !== enrolment.skeletonDigest) throw new Refusal('keygen.skeleton_mismatch')
  requireContribution(enrolment.skeleton, body.contribution)
  const invitationKey = enrolment.invitationKeys.get(body.index)
  const participant = enrolment.skeleton.participants[body.index - 1]
  if (
    !invitationKey ||
    participant?.userId !== body.userId ||
    !(await verifyRegistrationProof(invitationKey, registration))
  )
    throw new Refusal('keygen.invitation_invalid')
  if (!(await hasOwnGrant(body))) throw new Refusal('consent.invalid', [body.index])
}

/** The first in its slot stays. Of a key to which each contributes one, this host holds the key from then on. */
async function admit(
  parts: Pick<Parts, 'keys' | 'mpc'>,
  enrolment: Enrolment,
  registration: Registration,
): Promise<RegistrationReceipt> {
  const { skeletonDigest, userId, index, authKey, grant } = registration.body
  const digest = digestOf('register', registration)
  const own = ownKey(parts, enrolment.skeleton, registration)
  const said = { skeletonDigest, userId, index, authKey, grant, ...(own && { contributed: own.contributed }) }
  const receipt = await parts.keys.sign('registration-receipt', said)
  const before = enrolment.registered.get(index)
  if (before === undefined) {
    enrolment.registered.set(index, { digest, receipt })
    holdKey(enrolment, index, own)
    return receipt
  }
  own?.share.fill(0)
  if (before.digest !== digest) throw new Refusal('keygen.slot_taken')
  return before.receipt
}

/** An enrolment may have ended while a receipt was signed. What it still gets is wiped with it, or has no use. */
function holdKey({ contributions }: Enrolment, index: number, own: OwnKey | null): void {
  if (own !== null) contributions.set(index, own.share)
}

/** Wipes the secrets of an enrolment. */
export function wipeEnrolment({ sessionSecret, invitationKeys, dealt, contributions }: Enrolment): void {
  sessionSecret.fill(0)
  for (const key of invitationKeys.values()) key.fill(0)
  if (dealt !== null) wipeDealt(dealt)
  wipeContributions(contributions)
}
