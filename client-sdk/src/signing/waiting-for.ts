import { consentsWith, ownedKey, weigh, type Objection, type Weighed } from '@quorate/shared/consent/permits'
import { outsideOf, signersOfItems } from '@quorate/shared/verify/signers'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Key } from '../key.ts'
import type { OpenedRequest } from './request.ts'

/** What can change: a share that is outside of a sub-group stays there. */
export type Missed = Exclude<Objection, 'outside'>

/** Why one owner's share does not take part in these items (0…) yet. */
type Missing = Readonly<{ userId: string; why: Missed; items: readonly number[] }>

/**
 * How many more shares a signing needs, for the item that needs most, and why each that could come does not take part yet. Items that too many
 * have rejected do not count, unless there are no others.
 */
export type WaitingFor = Readonly<{ needed: number; shares: readonly Missing[] }>

const isOutside = (one: Weighed): boolean => one.ground === null && one.objection === 'outside'

function missingOf(userId: string, weighed: readonly Weighed[]): Missing[] {
  const reasons = new Map<Missed, number[]>()
  for (const [at, one] of weighed.entries()) {
    if (one.ground !== null || one.objection === 'outside') continue
    reasons.set(one.objection, [...(reasons.get(one.objection) ?? []), at])
  }
  return [...reasons].map(([why, items]) => ({ userId, why, items }))
}

/** Of each item, how many more shares it needs, and whether so many are left. */
type ItemConsent = Readonly<{ needed: number; isPossible: boolean }>

/** Is there an item that can still be signed, whatever the others say? `approvals` have been verified. */
export const canBeSigned = (...of: Parameters<typeof weighAll>): boolean =>
  weighAll(...of).items.some(({ isPossible }) => isPossible)

/**
 * What consent is missing at `now` (ms), by the rule that gateway and enclaves decide by. `approvals` have been verified. How often
 * a grant was used is known to its enclave alone, so that a share that counts here may still be refused.
 */
export function waitingFor(
  key: Key,
  { request, requestDigest }: Pick<OpenedRequest, 'request' | 'requestDigest'>,
  approvals: readonly Approval[],
  now: number,
): WaitingFor {
  const { items, words } = weighAll(key, { request, requestDigest }, approvals, now)
  const possible = items.filter(({ isPossible }) => isPossible)
  const needed = Math.max(...(possible.length > 0 ? possible : items).map((item) => item.needed))
  const { owners } = ownedKey(key.certificate.body.roster)
  return { needed, shares: owners.flatMap(({ userId }, at) => missingOf(userId, words[at] ?? [])) }
}

function weighAll(
  key: Key,
  { request, requestDigest }: Pick<OpenedRequest, 'request' | 'requestDigest'>,
  approvals: readonly Approval[],
  now: number,
): Readonly<{ items: readonly ItemConsent[]; words: readonly (readonly Weighed[])[] }> {
  const owned = ownedKey(key.certificate.body.roster)
  const signers = signersOfItems(key.certificate.body.roster.skeleton, request.body)
  const consents = consentsWith(owned, request.body, approvals)
  const words = owned.owners.map(({ index }) =>
    weigh(consents, {
      key: owned,
      request: request.body,
      requestDigest,
      index,
      outside: outsideOf(signers, index),
      now,
    }),
  )
  const items = signers.map(({ threshold }, at): ItemConsent => {
    const said = words.flatMap((weighed) => weighed[at] ?? []).filter((one) => !isOutside(one))
    const rejected = said.filter((one) => one.ground === null && one.objection === 'rejected').length
    const needed = Math.max(0, threshold - said.filter(({ ground }) => ground !== null).length)
    return { needed, isPossible: said.length - rejected >= threshold }
  })
  return { items, words }
}
