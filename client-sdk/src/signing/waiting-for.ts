import { consentsWith, ownedKey, weigh, type Objection } from '@quorate/shared/consent/permits'
import { signersOfRequest } from '@quorate/shared/verify/signers'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Key } from '../key.ts'
import type { OpenedRequest } from './verify.ts'

/** How many more shares a signing needs, and why each that could come does not take part yet. */
export type WaitingFor = Readonly<{ needed: number; shares: readonly Readonly<{ userId: string; why: Objection }>[] }>

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
  const shares = signers.flatMap(({ index, userId }) => {
    const weighed = weigh(consents, { key: owned, request: request.body, requestDigest, index, now })
    return weighed.ground === null ? [{ userId, why: weighed.objection }] : []
  })
  const ready = signers.length - shares.length
  return { needed: Math.max(0, threshold - ready), shares }
}
