import { approvesAny, rejectsAny } from '@quorate/shared/consent/decisions'
import {
  consentsWith,
  objectionsTo,
  weigh,
  type Objection,
  type Use,
  type Weighed,
} from '@quorate/shared/consent/permits'
import type { Approval, Consent } from '@quorate/shared/wire/consent'
import type { HostId } from '@quorate/shared/wire/host'
import type { Exclusion, SigningOwn, SigningSession } from './signing-terms.ts'

/*
 * Who may take part. The gateway only counts; each share's own enclave checks its owner's consent again before it spends a
 * nonce, so that a wrong count here costs an attempt and never a signature.
 */

/** The places (0…) of the items. */
export const placesOf = ({ request }: Pick<SigningOwn, 'request'>): number[] => [...request.body.items.keys()]

/** Can this participant's share sign item `at` at all? */
const canSign = ({ signers }: Pick<SigningOwn, 'signers'>, index: number, at: number): boolean =>
  signers?.[at]?.includes(index) ?? true

/** The same for any item. */
export const isSigner = (own: SigningOwn, index: number): boolean => placesOf(own).some((at) => canSign(own, index, at))

/** How many of those who can sign item `at`: all of a sub-group. */
export const neededFor = ({ signers, threshold }: SigningOwn, at: number): number => signers?.[at]?.length ?? threshold

const wordOf = (own: SigningOwn, index: number) => own.approvals[index]?.body

const approves = (own: SigningOwn, index: number, at: number): boolean =>
  wordOf(own, index)?.decisions[at] === 'approve'
const rejects = (own: SigningOwn, index: number, at: number): boolean => wordOf(own, index)?.decisions[at] === 'reject'

/** Has this participant said yes itself to anything, by asking or by an approval? */
function hasSpoken(own: SigningOwn, index: number): boolean {
  const word = wordOf(own, index)
  return own.request.body.asker === index || (word !== undefined && approvesAny(word))
}

type Asked = Pick<SigningOwn, 'key' | 'request' | 'requestDigest' | 'signers'>

export const useOf = (own: Asked, index: number, now: number): Use => ({
  key: own.key,
  request: own.request.body,
  requestDigest: own.requestDigest,
  index,
  outside: new Set(placesOf(own).filter((at) => !canSign(own, index, at))),
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
const bars: readonly Objection[] = ['outside', 'foreign', 'rejected', 'over']

/** The items (0…) that this participant's share may sign. */
export function willingTo(own: SigningOwn, index: number, now: number): ReadonlySet<number> {
  if (own.excluded[index] !== undefined) return new Set()
  const said = weigh(consentsOf(own, [index]), useOf(own, index, now))
  const isWilling = (one: Weighed) => one.ground !== null || (hasInBook(own, index) && !bars.includes(one.objection))
  return new Set(said.flatMap((one, at) => (isWilling(one) ? [at] : [])))
}

const those = ({ seats, own }: SigningSession, are: (own: SigningOwn, index: number) => boolean): number[] =>
  seats.flatMap(({ index }) => (are(own, index) ? [index] : []))

const isRejectedByAsker = (own: SigningOwn, at: number): boolean => {
  const { asker } = own.request.body
  return typeof asker === 'number' && rejects(own, asker, at)
}

/** Could enough people still come together for item `at`? Not once too many have rejected it, or were put out for good, or who asks takes it back. */
export const couldSign = (s: SigningSession, at: number): boolean =>
  !isRejectedByAsker(s.own, at) &&
  those(s, (own, index) => canSign(own, index, at) && !rejects(own, index, at) && own.excluded[index]?.final !== true)
    .length >= neededFor(s.own, at)

/** The same for any item. */
export const isPossible = (s: SigningSession): boolean => placesOf(s.own).some((at) => couldSign(s, at))

export const rejecters = (s: SigningSession): number[] =>
  those(s, (own, index) => {
    const word = wordOf(own, index)
    return word !== undefined && rejectsAny(word)
  })

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

/** The items (0…) that this participant's grant covered when they were asked for. */
function grantedItems(own: SigningOwn, index: number): ReadonlySet<number> {
  const grant = own.key.owners[index - 1]?.grant ?? null
  if (grant === null) return new Set()
  const objections = objectionsTo(grant, useOf(own, index, own.request.body.askedAt))
  return new Set(objections.flatMap((objection, at) => (objection === null ? [at] : [])))
}

/** The items (0…) that enough of those who are left want, as far as their consent goes. */
export function wantedItems(s: SigningSession): number[] {
  const willing = those(s, (own, index) => own.excluded[index] === undefined).map((index) => {
    const granted = grantedItems(s.own, index)
    const isAsker = s.own.request.body.asker === index
    return (at: number) =>
      canSign(s.own, index, at) &&
      !rejects(s.own, index, at) &&
      (isAsker || approves(s.own, index, at) || granted.has(at) || hasInBook(s.own, index))
  })
  return placesOf(s.own).filter((at) => willing.filter((wants) => wants(at)).length >= neededFor(s.own, at))
}

/** Are there enough left who could sign any of it? */
export const hasWilling = (s: SigningSession): boolean => wantedItems(s).length > 0

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
