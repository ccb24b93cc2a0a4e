import { digestOf } from '@quorate/shared/crypto/sign'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { ContentType } from '@quorate/shared/contents/table'
import type { SchemeName } from '@quorate/shared/schemes/table'
import type { Digest } from '@quorate/shared/wire/ids'
import { holdsQuorum, mostAtOneHost } from '@quorate/shared/verify/spread'
import { Skeleton, type Dealt } from '@quorate/shared/wire/keygen'
import type { Subgroup } from '@quorate/shared/wire/subgroups'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { invalid, refuse } from '../errors.ts'

type Reservation = RouteReply<'reserveKeygen'>

/** How many shares of a key one enclave may hold, at most. */
export type SpreadOptions = Readonly<{
  /** When nothing is said, no enclave holds enough to sign alone, for the whole key or for a sub-group, whatever is proposed. */
  sharesPerEnclave?: number | undefined
}>

/** No host holds more shares than that. Throws `keygen.crowded`. */
export function requireSpread(
  key: Pick<Skeleton, 'threshold' | 'participants' | 'subgroups'>,
  { sharesPerEnclave }: SpreadOptions,
): void {
  const isCrowded = sharesPerEnclave === undefined ? holdsQuorum(key) : mostAtOneHost(key) > sharesPerEnclave
  if (isCrowded) refuse('keygen.crowded')
}

/** What the reserving person wants. */
export type KeyWish = Readonly<{
  scheme: SchemeName
  threshold: number
  participants: readonly string[]
  content: readonly ContentType[]
  /** For a key that is dealt. */
  dealt?: Dealt | undefined
  /** `indices`: the keys that participants contribute are aggregated in the order of `participants`; else sorted. */
  keyOrder?: Skeleton['keyOrder']
  /** The key itself where nothing is said. */
  sealedMode?: string | undefined
  /** Of members by index. */
  subgroups?: readonly Subgroup[] | undefined
}>

const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length

/**
 * Who hosts whom, in the order of the participants, as the gateway proposes it. Throws `reply.mismatch` when that is not about
 * the key id and the people we named, or when one enclave appears under two names.
 */
export function readReservation(
  { keyId, slots, enclaves }: Reservation,
  drawn: string,
  participants: readonly string[],
): readonly EnclaveIdentity[] {
  const keys = [
    enclaves.map(({ enclaveId }) => enclaveId),
    enclaves.map(({ sealKey }) => sealKey),
    enclaves.map(({ signKey }) => signKey),
  ]
  if (keyId !== drawn || slots.length !== participants.length || !keys.every(distinct)) return refuse('reply.mismatch')
  return participants.map((userId, at) => {
    const slot = slots[at]
    const host = enclaves.find(({ enclaveId }) => enclaveId === slot?.enclaveId)
    if (slot?.userId !== userId || slot.index !== at + 1 || host === undefined) return refuse('reply.mismatch')
    return host
  })
}

/** Fixes the frame of the key around hosts, and says in it when one of them holds a quorum. Throws `request.invalid` for what no key can be. */
export function drawSkeleton(
  { keyId, expiresAt }: Pick<Reservation, 'keyId' | 'expiresAt'>,
  { scheme, threshold, participants, content, dealt, keyOrder, sealedMode, subgroups }: KeyWish,
  hosts: readonly EnclaveIdentity[],
  readerKey: string,
): Skeleton {
  const hosted = hosts.map((identity) => ({ host: { identity } }))
  const skeleton = Skeleton.safeParse({
    version: 1,
    keyId,
    scheme,
    threshold,
    participants: participants.map((userId, at) => ({
      userId,
      index: at + 1,
      host: { kind: 'enclave', identity: hosts[at] },
    })),
    policy: { content: [...content] },
    ...(holdsQuorum({ threshold, participants: hosted, subgroups }) ? { spread: 'quorum_in_one_host' } : {}),
    ...(dealt === undefined ? {} : { dealt }),
    ...(keyOrder === undefined ? {} : { keyOrder }),
    ...(sealedMode === undefined ? {} : { sealedMode }),
    ...(subgroups === undefined ? {} : { subgroups: [...subgroups] }),
    readerKey,
    expiresAt,
  })
  if (!skeleton.success) throw invalid(skeleton.error)
  return skeleton.data
}

/**
 * Throws `keygen.dealt` for a key that was dealt, unless it was by whom this person lets have known the key. Throws `keygen.skeleton_mismatch`
 * when that is who did not deal it.
 */
export function requireDealer({ dealt }: Pick<Skeleton, 'dealt'>, dealtBy: string | undefined): void {
  if (dealt !== undefined && dealtBy === undefined) refuse('keygen.dealt')
  if (dealt?.by !== dealtBy) refuse('keygen.skeleton_mismatch')
}

/** D0, hex. */
export const skeletonDigest = (skeleton: Skeleton): Digest => digestOf('skeleton', skeleton)

/** The enclaves of a skeleton, each once. */
export function hostsOf({ participants }: Skeleton): EnclaveIdentity[] {
  const hosts = new Map(participants.map(({ host }) => [digestOf('identity', host.identity), host.identity]))
  return [...hosts.values()]
}
