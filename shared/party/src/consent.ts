import { ownedKey, weigh, type Ground, type Objection, type Use } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Consent } from '@quorate/shared/wire/consent'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RequestBody } from '@quorate/shared/wire/signing'

/** What consent is asked for: the verified request R of a verified key, with all consents that came along. */
export type Plea = Readonly<{
  key: VerifiedKey
  request: RequestBody
  requestDigest: Digest
  consents: readonly Consent[]
}>

export const useOf = ({ key, request, requestDigest }: Plea, index: number, now: number): Use => ({
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

/**
 * The ground on which the share of participant `index` takes part at `now` (ms). Every word in the owner's name must be the
 * owner's. Throws `consent.missing`, `consent.invalid` or `consent.expired`: no ground means no.
 */
export async function requireConsent(plea: Plea, index: number, now: number): Promise<Ground> {
  const use = useOf(plea, index, now)
  const owner = use.key.owners[index - 1]
  for (const consent of plea.consents) {
    if (consent.body.index !== index) continue
    if (owner === undefined || !(await isSignedBy(owner, consent))) throw new Refusal('consent.invalid', [index])
  }
  const weighed = weigh(plea.consents, use)
  if (weighed.ground !== null) return weighed.ground
  // Nobody is to blame for a request that is over.
  throw new Refusal(codes[weighed.objection], weighed.objection === 'over' ? [] : [index])
}
