import { ownedKey, weigh, type Ground, type Objection, type Use } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Consent } from '@quorate/shared/wire/consent'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RequestBody } from '@quorate/shared/wire/signing'
import type { Standing } from './bunker/standing.ts'

/**
 * What consent is asked for: the verified request R of a verified key, with all consents that came along. `standing`: what an owner's book
 * says of it, which counts in place of a registered grant.
 */
export type Plea = Readonly<{
  key: VerifiedKey
  request: RequestBody
  requestDigest: Digest
  consents: readonly Consent[]
  standing: (index: number, now: number) => Standing
}>

export const useOf = ({ key, request, requestDigest }: Omit<Plea, 'standing'>, index: number, now: number): Use => ({
  key: ownedKey(key.certificate.roster),
  request,
  requestDigest,
  index,
  now,
})

const codes = {
  foreign: 'consent.invalid',
  rejected: 'consent.missing',
  over: 'consent.expired',
  expired: 'consent.expired',
  uncovered: 'consent.missing',
  silent: 'consent.missing',
} as const satisfies Record<Objection, RefusalCode>

const isOfRequest = ({ body }: Consent): boolean => body.scope.kind === 'request'

/** What a book can make good: the owner has said no word on this request that still counts. */
const yielding: ReadonlySet<Objection> = new Set(['silent', 'expired', 'uncovered'])

/**
 * The ground on which the share of participant `index` takes part at `now` (ms). Every word in the owner's name must be the
 * owner's. Throws `consent.missing`, `consent.invalid`, `consent.expired` or `book.unproven`: no ground means no.
 */
export async function requireConsent(plea: Plea, index: number, now: number): Promise<Ground> {
  const use = useOf(plea, index, now)
  const owner = use.key.owners[index - 1]
  for (const consent of plea.consents) {
    if (consent.body.index !== index) continue
    if (owner === undefined || !(await isSignedBy(owner, consent))) throw new Refusal('consent.invalid', [index])
  }
  const standing = plea.standing(index, now)
  const weighed = weigh(standing === null ? plea.consents : plea.consents.filter(isOfRequest), use)
  if (weighed.ground !== null) return weighed.ground
  if (standing !== null && yielding.has(weighed.objection)) {
    if ('ground' in standing) return standing.ground
    throw new Refusal(standing.code, [index])
  }
  // Nobody is to blame for a request that is over.
  throw new Refusal(codes[weighed.objection], weighed.objection === 'over' ? [] : [index])
}
