import { digestOf } from '../crypto/sign.ts'
import type { Approval, Consent, Grant, StandingScope } from '../wire/consent.ts'
import type { Limit } from '../wire/bunker.ts'
import type { Digest, GrantId, KeyId } from '../wire/ids.ts'
import type { RegistrationReceipt, Roster } from '../wire/keygen.ts'
import type { RequestBody } from '../wire/signing.ts'
import { isFresh, isInForce } from './times.ts'

/** A participant as the owner of a share: what it registered. */
type Owner = RegistrationReceipt['body']

/** A key as consents know it: its id, and its owners in the order of their indices, 1…n. */
export type OwnedKey = Readonly<{ keyId: KeyId; owners: readonly Owner[] }>

/** The owners of a roster that has been verified. */
export const ownedKey = ({ skeleton, registrations }: Roster): OwnedKey => ({
  keyId: skeleton.keyId,
  owners: registrations.map(({ body }) => body),
})

/** May share `index` of this key take part in the items of this verified request, with digest R, at `now` (ms)? `outside`: the items (0…) of sub-groups that the share is not in. */
export type Use = Readonly<{
  key: OwnedKey
  outside: ReadonlySet<number>
  request: RequestBody
  requestDigest: Digest
  index: number
  now: number
}>

/**
 * Why a consent does not let the share take part: `foreign`, it is of another key, share or request, or a grant that was not
 * registered, or it decides on more or fewer items; `rejected`; `over`, the request's own time; `expired`, the consent's; `uncovered`, a grant for others or other
 * content; `silent`, the owner has said nothing. `outside` speaks against the share itself: it is in another sub-group.
 */
export type Objection = 'outside' | 'foreign' | 'rejected' | 'over' | 'expired' | 'uncovered' | 'silent'

/** Is this the owner's word on this very use? A grant is in force only as its owner registered it. */
function isOwn({ body }: Consent, owner: Owner, requestDigest: Digest): boolean {
  if (body.skeletonDigest !== owner.skeletonDigest || body.index !== owner.index) return false
  switch (body.scope.kind) {
    case 'request':
      return body.scope.requestDigest === requestDigest
    case 'standing':
      return owner.grant !== null && digestOf('consent', body) === digestOf('consent', owner.grant.body)
  }
}

/** The participant that asks, null for a program. */
export const askerOf = ({ owners }: OwnedKey, { asker }: Pick<RequestBody, 'asker'>): Owner | null =>
  typeof asker === 'number' ? (owners[asker - 1] ?? null) : null

const coversAsker = ({ askers }: StandingScope, { key, request }: Use): boolean => {
  const asker = askerOf(key, request)
  return asker !== null && askers.includes(asker.userId)
}

type ItemType = RequestBody['items'][number]['type']

/** What a word says of an item of this type, at this place (0…), whatever the time. */
function saysOf({ body }: Consent, use: Use): (type: ItemType, at: number) => 'rejected' | 'uncovered' | null {
  if ('decisions' in body) return (_, at) => (body.decisions[at] === 'approve' ? null : 'rejected')
  const isForAsker = coversAsker(body.scope, use)
  return (type) => (isForAsker && body.scope.content.includes(type) ? null : 'uncovered')
}

/** What the time says of a word, null when nothing. */
function timeSaysOf({ body }: Consent, now: number): 'expired' | null {
  const { givenAt, expiresAt } = body
  const counts = body.scope.kind === 'request' ? isFresh : isInForce
  return counts(givenAt, expiresAt, now) ? null : 'expired'
}

/** What speaks against taking part in all of a request where its owner has said nothing beside it: an asker's own request is its consent. */
function objectionToSilence({ request, index, now }: Use): Objection | null {
  if (!isFresh(request.askedAt, request.expiresAt, now)) return 'over'
  return request.asker === index ? null : 'silent'
}

/**
 * What speaks against taking part on this consent, for each item of the request; null when nothing does. Its signature has been verified,
 * as the request's. `consent` is null for an owner who has said nothing beside the request.
 */
export function objectionsTo(consent: Consent | null, use: Use): readonly (Objection | null)[] {
  const { key, request, index, now } = use
  const { items } = request
  const owner = key.owners[index - 1]
  const isForeign =
    owner === undefined ||
    request.keyId !== key.keyId ||
    (consent !== null && !isOwn(consent, owner, use.requestDigest)) ||
    (consent !== null && 'decisions' in consent.body && consent.body.decisions.length !== items.length)
  if (isForeign) return items.map(() => 'foreign')
  if (consent === null) {
    const objection = objectionToSilence(use)
    return items.map(() => objection)
  }
  const ofTime = isFresh(request.askedAt, request.expiresAt, now) ? timeSaysOf(consent, now) : 'over'
  const said = saysOf(consent, use)
  return items.map(({ type }, at) => {
    const objection = said(type, at)
    return objection === 'rejected' ? objection : (ofTime ?? objection)
  })
}

/**
 * Does this consent, whose signature has been verified, let the share take part in any item? How often a grant was used, its host counts.
 */
export const permits = (consent: Consent | null, use: Use): boolean => objectionsTo(consent, use).includes(null)

/** Why a share may take part: its owner asked for it, approved it, or granted it before. `grant`: null for the one that was registered. */
export type Ground = 'asked' | 'approved' | Readonly<{ grant: GrantId | null; limits: readonly Limit[] }>

const isGrant = (consent: Consent): consent is Grant => consent.body.scope.kind === 'standing'

/** The ground on which the share takes part in an item, or what speaks against it. */
export type Weighed = Readonly<{ ground: Ground } | { ground: null; objection: Objection }>

/**
 * All that the share's owner has said, taken together, for each item of the request. A foreign word spoils the rest, and a rejection is
 * final. Then the owner's word on this request counts before a grant.
 */
export function weigh(consents: readonly Consent[], use: Use): readonly Weighed[] {
  const own = consents.filter(({ body }) => body.index === use.index)
  const silence = objectionsTo(null, use)
  const words = own.map((consent) => ({ consent, objections: objectionsTo(consent, use) }))
  return use.request.items.map((_, at) =>
    use.outside.has(at)
      ? { ground: null, objection: 'outside' }
      : weighItem(
          silence[at] ?? null,
          words.map(({ consent, objections }) => ({ consent, objection: objections[at] ?? null })),
        ),
  )
}

type WordOnItem = Readonly<{ consent: Consent; objection: Objection | null }>

function weighItem(silence: Objection | null, words: readonly WordOnItem[]): Weighed {
  const objections = [...words.map(({ objection }) => objection), silence]
  const first = (...of: Objection[]) => of.find((objection) => objections.includes(objection))
  const bar = first('foreign', 'rejected', 'over')
  if (bar !== undefined) return { ground: null, objection: bar }
  if (silence === null) return { ground: 'asked' }
  const permitting = words.flatMap(({ consent, objection }) => (objection === null ? [consent] : []))
  if (permitting.some((consent) => !isGrant(consent))) return { ground: 'approved' }
  const grant = permitting.find(isGrant)
  if (grant !== undefined) return { ground: { grant: null, limits: [grant.body.scope.limit] } }
  return { ground: null, objection: first('expired', 'uncovered') ?? 'silent' }
}

/**
 * The consents that travel with a request, in the order of their owners: what was said of it, and the grants of those who have
 * not spoken. Who asks has.
 */
export const consentsWith = (
  { owners }: OwnedKey,
  { asker }: Pick<RequestBody, 'asker'>,
  approvals: readonly Approval[],
): Consent[] =>
  owners.flatMap(({ index, grant }): Consent[] => {
    const said = approvals.filter(({ body }) => body.index === index)
    if (said.length > 0 || grant === null || index === asker) return said
    return [grant]
  })
