import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Approval } from '@quorate/shared/wire/signing'
import type { Exclusion, Inbox, SigningSession } from './session.ts'

/*
 * Who may take part. The gateway only counts; each share's own enclave checks its owner's consent again before it spends a
 * nonce, so that a wrong count here costs an attempt and never a signature.
 */

const decisionOf = (s: SigningSession, index: number) => s.approvals[index]?.body.decision

/** Has the owner said yes itself, by asking or by an approval? Then it has nothing more to say. */
const hasSpoken = (s: SigningSession, index: number): boolean =>
  s.request.body.asker === index || decisionOf(s, index) === 'approve'

function consents(s: SigningSession, index: number, standing: number | null, now: number): boolean {
  if (s.excluded[index] !== undefined || decisionOf(s, index) === 'reject') return false
  const approval = s.approvals[index]
  return (
    s.request.body.asker === index ||
    (approval !== undefined && approval.body.expiresAt > now) ||
    (standing !== null && standing > now)
  )
}

/** Indices of all whose consent is there at `now` (ms). */
const consenting = (s: SigningSession, now: number): number[] =>
  s.holders.filter(({ index, standing }) => consents(s, index, standing, now)).map(({ index }) => index)

/** Could enough people still come together? Not once too many have rejected, or were put out for good. */
export const isPossible = (s: SigningSession): boolean =>
  s.holders.filter(({ index }) => decisionOf(s, index) !== 'reject' && s.excluded[index]?.final !== true).length >=
  s.threshold

export const rejecters = (s: SigningSession): number[] =>
  s.holders.filter(({ index }) => decisionOf(s, index) === 'reject').map(({ index }) => index)

/**
 * Exactly threshold many of the consenting, on the enclaves that come first in `available`. In the order of indices;
 * null when there are too few.
 */
export function chooseQuorum(s: SigningSession, available: readonly EnclaveId[], now: number): number[] | null {
  const willing = new Set(consenting(s, now))
  const candidates = available.flatMap((enclaveId) =>
    s.holders.filter((holder) => holder.enclaveId === enclaveId && willing.has(holder.index)),
  )
  if (candidates.length < s.threshold) return null
  return candidates
    .slice(0, s.threshold)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}

/**
 * A host's refusal for want of these owners' consent. Who has not spoken yet may still approve, say when a grant is used up;
 * so may who has spoken for too short a time. Any other word that an enclave does not take will not get better.
 */
export const withoutConsent = (
  s: SigningSession,
  owners: readonly number[],
  code: Exclusion['code'],
): Inbox<Exclusion> => {
  const of = (index: number): Exclusion => ({ code, final: code !== 'consent.expired' && hasSpoken(s, index) })
  return { ...s.excluded, ...Object.fromEntries(owners.map((index) => [index, of(index)])) }
}

/** How many have asked or approved. Enclaves that have all restarted believe n − t + 1 who have done so since. */
export const vouchers = (s: SigningSession): number => s.holders.filter(({ index }) => hasSpoken(s, index)).length

/** Are there enough left who could sign, as far as their consent goes? */
export const hasWilling = (s: SigningSession): boolean =>
  s.holders.filter(
    ({ index, standing }) =>
      s.excluded[index] === undefined &&
      decisionOf(s, index) !== 'reject' &&
      (hasSpoken(s, index) || standing !== null),
  ).length >= s.threshold

/** Another enclave may remember what those have forgotten that could not tell the epoch. */
export function withNewHosts(s: SigningSession, available: readonly EnclaveId[]): SigningSession {
  const { askable, excluded } = s
  if (askable === undefined || available.every((enclaveId) => askable.includes(enclaveId))) return s
  const rest = Object.entries(excluded).filter(([, exclusion]) => exclusion?.code !== 'epoch.unproven')
  return rest.length === Object.keys(excluded).length ? s : { ...s, excluded: Object.fromEntries(rest) }
}

/** An approval also takes back an exclusion that was not for good, and whoever wants for vouchers has one more. */
export function withApproval(s: SigningSession, approval: Approval): SigningSession {
  const { index } = approval.body
  const excluded = Object.fromEntries(
    Object.entries(s.excluded).filter(
      ([at, exclusion]) => exclusion?.final === true || (Number(at) !== index && exclusion?.code !== 'epoch.unproven'),
    ),
  )
  return { ...s, excluded, approvals: { ...s.approvals, [index]: approval } }
}
