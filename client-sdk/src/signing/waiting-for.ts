import { consentsWith, ownedKey, weigh, type Objection, type Weighed } from '@quorate/shared/consent/permits'
import { signersOfRequest } from '@quorate/shared/verify/signers'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Key } from '../key.ts'
import type { OpenedRequest } from './verify.ts'

/** Why one owner's share does not take part in these items (0…) yet. */
type Missing = Readonly<{ userId: string; why: Objection; items: readonly number[] }>

/**
 * How many more shares a signing needs, for the item that needs most, and why each that could come does not take part yet. Items that too many
 * have rejected do not count, unless there are no others.
 */
export type WaitingFor = Readonly<{ needed: number; shares: readonly Missing[] }>

function missingOf(userId: string, weighed: readonly Weighed[]): Missing[] {
  const reasons = new Map<Objection, number[]>()
  for (const [at, one] of weighed.entries())
    if (one.ground === null) reasons.set(one.objection, [...(reasons.get(one.objection) ?? []), at])
  return [...reasons].map(([why, items]) => ({ userId, why, items }))
}

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
  const owned = ownedKey(key.certificate.body.roster)
  const { members, threshold } = signersOfRequest(key.certificate.body.roster.skeleton, request.body)
  const consents = consentsWith(owned, request.body, approvals)
  const signers = owned.owners.filter(({ index }) => members.includes(index))
  const words = signers.map(({ index }) =>
    weigh(consents, { key: owned, request: request.body, requestDigest, index, now }),
  )
  const items = request.body.items.map((_, at) => {
    const said = words.flatMap((weighed) => weighed[at] ?? [])
    const rejected = said.filter((one) => one.ground === null && one.objection === 'rejected').length
    const needed = Math.max(0, threshold - said.filter(({ ground }) => ground !== null).length)
    return { needed, isPossible: said.length - rejected >= threshold }
  })
  const possible = items.filter(({ isPossible }) => isPossible)
  const needed = Math.max(...(possible.length > 0 ? possible : items).map((item) => item.needed))
  const shares = signers.flatMap(({ userId }, at) => missingOf(userId, words[at] ?? []))
  return { needed, shares }
}
