import { consentsWith, permits, weigh, type Objection, type Use } from '@quorate/shared/consent/permits'
import type { Approval, Consent } from '@quorate/shared/wire/consent'
import type { HostId } from '@quorate/shared/wire/host'
import type { Exclusion, SigningOwn, SigningSession } from './signing-terms.ts'

/*
 * Who may take part. The gateway only counts; each share's own enclave checks its owner's consent again before it spends a
 * nonce, so that a wrong count here costs an attempt and never a signature.
 */

const decisionOf = (own: SigningOwn, index: number) => own.approvals[index]?.body.decision

/** Has this participant said yes itself, by asking or by an approval? Then it has nothing more to say. */
const hasSpoken = (own: SigningOwn, index: number): boolean =>
  own.request.body.asker === index || decisionOf(own, index) === 'approve'

export const useOf = (
  { key, request, requestDigest }: Pick<SigningOwn, 'key' | 'request' | 'requestDigest'>,
  index: number,
  now: number,
): Use => ({
  key,
  request: request.body,
  requestDigest,
  index,
  now,
})

/** What these participants have said of the request, and the grants of those who have not spoken: what their hosts are shown. */
export function consentsOf(own: SigningOwn, indices: readonly number[]): Consent[] {
  const approvals = Object.values(own.approvals).filter((approval) => approval !== undefined)
  return consentsWith(own.key, own.request.body, approvals).filter(({ body }) => indices.includes(body.index))
}

/** Does this owner's book permit what the program asks for, in the eyes of the host that took it? */
const hasInBook = ({ willing = [] }: SigningOwn, index: number): boolean => willing.includes(index)

/** What keeps an owner's book from counting: it has said no, or the request is not to be signed at all. */
const bars: readonly Objection[] = ['foreign', 'rejected', 'over']

function isWilling(own: SigningOwn, index: number, now: number): boolean {
  if (own.excluded[index] !== undefined) return false
  const said = weigh(consentsOf(own, [index]), useOf(own, index, now))
  return said.ground !== null || (hasInBook(own, index) && !bars.includes(said.objection))
}

const those = ({ seats, own }: SigningSession, are: (own: SigningOwn, index: number) => boolean): number[] =>
  seats.flatMap(({ index }) => (are(own, index) ? [index] : []))

/** Can this participant's share sign what is asked for at all? */
export const isSigner = ({ signers }: SigningOwn, index: number): boolean => signers?.includes(index) ?? true

/** Those of the signers. */
const signersWho = (s: SigningSession, are: (own: SigningOwn, index: number) => boolean): number[] =>
  those(s, (own, index) => isSigner(own, index) && are(own, index))

/** How many of the signers sign: all of a sub-group. */
const needed = ({ signers, threshold }: SigningOwn): number => signers?.length ?? threshold

/** Could enough people still come together? Not once too many have rejected, or were put out for good. */
export const isPossible = (s: SigningSession): boolean =>
  signersWho(s, (own, index) => decisionOf(own, index) !== 'reject' && own.excluded[index]?.final !== true).length >=
  needed(s.own)

export const rejecters = (s: SigningSession): number[] => those(s, (own, index) => decisionOf(own, index) === 'reject')

/** What hosts have committed to before the session began counts for its first attempt, and for no other. */
export const committedTo = ({ own, attempt }: SigningSession): NonNullable<SigningOwn['committed']> =>
  attempt === 0 ? (own.committed ?? {}) : {}

/** Those that have committed come first. */
function inOrderOfWork(s: SigningSession, available: readonly HostId[]): readonly HostId[] {
  const committed = new Set(Object.keys(committedTo(s)).map((index) => s.seats[Number(index) - 1]?.host))
  return committed.size === 0 ? available : available.toSorted((a, b) => +committed.has(b) - +committed.has(a))
}

/**
 * Exactly as many as are needed of the signers whose consent is there at `now` (ms), on the hosts that come first in `available`, those before them that have committed. In the order of
 * indices; null when there are too few.
 */
export function chooseQuorum(s: SigningSession, available: readonly HostId[], now: number): number[] | null {
  const most = needed(s.own)
  const willing = new Set(signersWho(s, (own, index) => isWilling(own, index, now)))
  const candidates = inOrderOfWork(s, available).flatMap((id) =>
    s.seats.filter(({ host, index }) => host === id && willing.has(index)),
  )
  if (candidates.length < most) return null
  return candidates
    .slice(0, most)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}

/**
 * A host's refusal for want of these owners' consent. Who has not spoken yet may still approve, say when a grant is used up;
 * so may who has spoken for too short a time. Who has spoken since the attempt began was refused without that word, and is asked again
 * with it. Any other word that an enclave does not take will not get better.
 */
export function withoutConsent(own: SigningOwn, owners: readonly number[], code: Exclusion['code']): SigningOwn {
  const wasHeard = (index: number) => own.spoken?.includes(index) ?? false
  const refused = owners.filter((index) => wasHeard(index) || !hasSpoken(own, index))
  const of = (index: number): Exclusion => ({ code, final: code !== 'consent.expired' && wasHeard(index) })
  return { ...own, excluded: { ...own.excluded, ...Object.fromEntries(refused.map((index) => [index, of(index)])) } }
}

/** Who has asked or approved. Enclaves that have all restarted believe n − t + 1 who have done so since. */
export const spoken = (s: SigningSession): number[] => those(s, hasSpoken)

/** Did this participant's grant cover the request when it was asked? */
function hasGranted(own: SigningOwn, index: number): boolean {
  const grant = own.key.owners[index - 1]?.grant ?? null
  return grant !== null && permits(grant, useOf(own, index, own.request.body.askedAt))
}

/** Are there enough left who could sign, as far as their consent goes? */
export const hasWilling = (s: SigningSession): boolean =>
  signersWho(
    s,
    (own, index) =>
      own.excluded[index] === undefined &&
      decisionOf(own, index) !== 'reject' &&
      (hasSpoken(own, index) || hasGranted(own, index) || hasInBook(own, index)),
  ).length >= needed(s.own)

/** Another host may remember what those have forgotten that could not tell the epoch. */
export function withNewHosts(own: SigningOwn, available: readonly HostId[]): SigningOwn {
  const { askable, excluded } = own
  if (askable === undefined || available.every((host) => askable.includes(host))) return own
  const rest = Object.entries(excluded).filter(([, exclusion]) => exclusion?.code !== 'epoch.unproven')
  return rest.length === Object.keys(excluded).length ? own : { ...own, excluded: Object.fromEntries(rest) }
}

/** An approval also takes back an exclusion that was not for good, and whoever wants for vouchers has one more. */
export function withApproval(own: SigningOwn, approval: Approval): SigningOwn {
  const { index } = approval.body
  const excluded = Object.fromEntries(
    Object.entries(own.excluded).filter(
      ([at, exclusion]) => exclusion?.final === true || (Number(at) !== index && exclusion?.code !== 'epoch.unproven'),
    ),
  )
  return { ...own, excluded, approvals: { ...own.approvals, [index]: approval } }
}
