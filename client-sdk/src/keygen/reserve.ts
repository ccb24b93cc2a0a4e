import * as z from 'zod/mini'
import { sealMode } from '@quorate/shared/verify/key-mode'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { Mode } from '@quorate/shared/wire/mode'
import type { ContentType } from '@quorate/shared/contents/table'
import { hasMode, type SchemeName } from '@quorate/shared/schemes/table'
import { ReserveBody } from '@quorate/shared/wire/routes/keygen'
import type { Subgroup } from '@quorate/shared/wire/subgroups'
import type { Context } from '../context.ts'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { invalid, issuesOf, QuorateError, refuse } from '../errors.ts'
import { readerSigner } from '../http/reader.ts'
import { randomBytes } from '../random.ts'
import { deal, wipeShares, type WholeKey } from './deal.ts'
import { sealInits } from './init.ts'
import type { KeygenKnowledge } from './keygen.ts'
import {
  drawSkeleton,
  hostsOf,
  readReservation,
  requireSpread,
  skeletonDigest,
  type SpreadOptions,
} from './skeleton.ts'
import { readSubgroups, type SubgroupWish } from './subgroups.ts'

/** The key that is wanted. */
export type ReserveOptions = Readonly<{
  scheme: SchemeName
  threshold: number
  /** User ids: the k-th gets index k. */
  participants: readonly string[]
  /** What the key may sign at all, `bytes` when nothing is said. `raw` must be the only one. */
  content?: readonly ContentType[] | undefined
  /**
   * For a scheme to which each participant contributes a key: `indices` aggregates the keys in the order of `participants`. Sorted (KeySort) when
   * nothing is said.
   */
  keyOrder?: 'indices' | undefined
  /**
   * In which items of this key are signed that name no mode of their own: by the key itself when nothing is said. All who take part see it before
   * they do, and the gateway does not.
   */
  mode?: Mode | undefined
  /**
   * For such a scheme: by name, the user ids of participants who have a key of their own in this one, with which all of them sign. What a host of
   * all of them could sign alone, `sharesPerEnclave` has to allow.
   */
  subgroups?: SubgroupWish | undefined
  /** How long the others have to register, in ms: an hour when nothing is said. */
  expiresIn?: number | undefined
  signal?: AbortSignal | undefined
}> &
  SpreadOptions

/** A key that whoever reserves has whole, and who that is. */
type Dealing = WholeKey & Readonly<{ by: string }>

/**
 * Steps 1 to 3 of making a key: draw its id, reserve, have each host prove itself, fix the skeleton, draw the secrets, and hand every
 * enclave its part sealed to the key that it proved. `whole`: a key to deal, in place of one that the hosts draw. Throws `keygen.subgroup_invalid` and `tweak.invalid` before anything is sent.
 */
export async function reserve(
  context: Context,
  { expiresIn = 3_600_000, ...options }: ReserveOptions,
  whole: Dealing | null = null,
): Promise<KeygenKnowledge> {
  const { scheme, threshold, participants, signal } = options
  const subgroups = readSubgroups(options, options.subgroups)
  const mode = readMode(scheme, options.mode)
  const drawn = toHex(randomBytes(16))
  const wish = { scheme, threshold, participants, keyId: drawn }
  const body = ReserveBody.safeParse({ ...wish, ttl: secondsOf(expiresIn) })
  if (!body.success) throw invalid(body.error)
  const dealing = whole && deal(await context.mpc(), options, whole, whole.by)
  try {
    const reservation = await context.client.call('reserveKeygen', { body: body.data, signal })
    return await fix(context, options, { reservation, drawn, dealing, subgroups, mode })
  } finally {
    if (dealing !== null) wipeShares(dealing.key)
  }
}

/** What the API takes, ten seconds to a week, in ms. */
const KeygenTime = z.object({ expiresIn: z.number().check(z.minimum(10_000), z.maximum(604_800_000)) })

function secondsOf(expiresIn: number): number {
  const time = KeygenTime.safeParse({ expiresIn })
  if (!time.success) throw invalid(time.error)
  return Math.ceil(time.data.expiresIn / 1_000)
}

type Proposed = Readonly<{
  reservation: RouteReply<'reserveKeygen'>
  drawn: string
  dealing: ReturnType<typeof deal> | null
  subgroups: Subgroup[] | undefined
  mode: Mode | undefined
}>

/** Undefined for the key itself. Throws `tweak.invalid`. */
function readMode(scheme: SchemeName, wished: Mode | undefined): Mode | undefined {
  if (wished === undefined) return undefined
  const mode = Mode.safeParse(wished)
  if (!mode.success) throw new QuorateError('tweak.invalid', 'client', { issues: issuesOf(mode.error) })
  if (mode.data.kind === 'child' && !hasMode(scheme, mode.data))
    throw new QuorateError('tweak.invalid', 'client', { issues: ['keys of this scheme have no children'] })
  return mode.data.kind === 'plain' ? undefined : mode.data
}

/** Steps 2 and 3, around what the gateway proposes. */
async function fix(
  context: Context,
  {
    scheme,
    threshold,
    participants,
    content = ['bytes'],
    keyOrder,
    sharesPerEnclave,
    signal,
  }: Omit<ReserveOptions, 'expiresIn' | 'subgroups' | 'mode'>,
  { reservation, drawn, dealing, subgroups, mode }: Proposed,
): Promise<KeygenKnowledge> {
  const { client, attestor } = context
  const hosts = readReservation(reservation, drawn, participants)
  const sessionSecret = randomBytes(32)
  const { publicKey: readerKey } = await readerSigner(sessionSecret)
  const sealedMode = mode && toBase64url(sealMode(sessionSecret, drawn, mode))
  const skeleton = drawSkeleton(
    reservation,
    { scheme, threshold, participants, content, dealt: dealing?.dealt, keyOrder, sealedMode, subgroups },
    hosts,
    toHex(readerKey),
  )
  requireSpread(skeleton, { sharesPerEnclave })
  await Promise.all(hostsOf(skeleton).map((host) => attestor.prove(host, signal)))

  const invitationKeys = new Map(participants.map((userId) => [userId, randomBytes(32)]))
  const { secp256k1 } = await context.mpc()
  const init = sealInits(secp256k1, skeleton, { sessionSecret, invitationKeys, dealt: dealing?.key ?? null })
  const { keyId } = skeleton
  const status = await client.call('initKeygen', { params: { keyId }, body: init, signal })
  if (status.keyId !== keyId) return refuse('reply.mismatch')
  context.known.noteFrame(keyId, skeletonDigest(skeleton))
  return { skeleton, sessionSecret, own: null, invitationKeys }
}
