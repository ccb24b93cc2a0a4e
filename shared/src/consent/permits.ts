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

/** May share `index` of this key take part in this verified request, with digest R, at `now` (ms)? */
export type Use = Readonly<{
  key: OwnedKey
  request: RequestBody
  requestDigest: Digest
  index: number
  now: number
}>

/**
 * Why a consent does not let the share take part: `foreign`, it is of another key, share or request, or a grant that was not
 * registered; `rejected`; `over`, the request's own time; `expired`, the consent's; `uncovered`, a grant for others or other
 * content; `silent`, the owner has said nothing.
 */
export type Objection = 'foreign' | 'rejected' | 'over' | 'expired' | 'uncovered' | 'silent'

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

function covers({ askers, content }: StandingScope, { key, request }: Use): boolean {
  const asker = askerOf(key, request)
  return (
    asker !== null &&
    askers.includes(asker.userId) &&
    request.items.length > 0 &&
    request.items.every(({ type }) => content.includes(type))
  )
}

/**
 * What speaks against taking part on this consent, null when nothing does. Its signature has been verified, as the request's.
 * `consent` is null for an owner who has said nothing beside the request: an asker's own request is that asker's consent.
 */
export function objectionTo(consent: Consent | null, use: Use): Objection | null {
  const { key, request, index, now } = use
  const owner = key.owners[index - 1]
  if (owner === undefined || request.keyId !== key.keyId) return 'foreign'
  if (consent !== null && !isOwn(consent, owner, use.requestDigest)) return 'foreign'
  if (consent !== null && consent.body.decision !== 'approve') return 'rejected'
  if (!isFresh(request.askedAt, request.expiresAt, now)) return 'over'
  if (consent === null) return request.asker === index ? null : 'silent'
  const { scope, givenAt, expiresAt } = consent.body
  switch (scope.kind) {
    case 'request':
      return isFresh(givenAt, expiresAt, now) ? null : 'expired'
    case 'standing':
      if (!isInForce(givenAt, expiresAt, now)) return 'expired'
      return covers(scope, use) ? null : 'uncovered'
  }
}

/** Does this consent, whose signature has been verified, let the share take part? How often a grant was used, its host counts. */
export const permits = (consent: Consent | null, use: Use): boolean => objectionTo(consent, use) === null

/** Why a share may take part: its owner asked for it, approved it, or granted it before. `grant`: null for the one that was registered. */
export type Ground = 'asked' | 'approved' | Readonly<{ grant: GrantId | null; limits: readonly Limit[] }>

const isGrant = (consent: Consent): consent is Grant => consent.body.scope.kind === 'standing'

/**
 * All that the share's owner has said, taken together: the ground on which the share takes part, or what speaks against it. A
 * foreign word spoils the rest, and a rejection is final. Then the owner's word on this request counts before a grant.
 */
export function weigh(
  consents: readonly Consent[],
  use: Use,
): Readonly<{ ground: Ground } | { ground: null; objection: Objection }> {
  const own = consents.filter(({ body }) => body.index === use.index)
  const objections = [...own.map((consent) => objectionTo(consent, use)), objectionTo(null, use)]
  const first = (...of: Objection[]) => of.find((objection) => objections.includes(objection))
  const bar = first('foreign', 'rejected', 'over')
  if (bar !== undefined) return { ground: null, objection: bar }
  if (permits(null, use)) return { ground: 'asked' }
  const permitting = own.filter((consent) => permits(consent, use))
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
