import { Refusal } from '@quorate/shared/errors'
import { verifyApproval, type VerifiedKey } from '@quorate/shared/verify/signing'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Consent } from '@quorate/shared/wire/keygen'
import type { Approval, RequestBody } from '@quorate/shared/wire/signing'

/** Why a share may take part: its owner asked for it, approved it, or has granted it before. */
export type Ground = 'asked' | 'approved' | { grant: Extract<Consent, { kind: 'standing' }>['grant'] }

/** What consent is asked for: the verified request R of a verified key, with all approvals that came along. */
export type Plea = Readonly<{
  key: VerifiedKey
  request: RequestBody
  requestDigest: Digest
  approvals: readonly Approval[]
}>

/** Does a standing grant cover this asker and every item, at this time (ms)? Whether it is used up is another question. */
function covers({ key, request }: Plea, grant: Extract<Consent, { kind: 'standing' }>['grant'], now: number): boolean {
  const asker = key.certificate.roster.skeleton.participants[request.asker - 1]
  return (
    asker !== undefined &&
    grant.askers.includes(asker.userId) &&
    grant.until > now &&
    request.items.every(({ type }) => grant.content.includes(type))
  )
}

/**
 * The ground on which the share of participant `index` takes part. Its owner's word on this very request comes first; a
 * rejection is final. Throws `consent.missing`, `consent.invalid` or `consent.expired`: no ground means no.
 */
export async function requireConsent(plea: Plea, index: number, now: number): Promise<Ground> {
  const own = plea.approvals.filter(({ body }) => body.index === index)
  for (const approval of own) await verifyApproval(plea.key, plea.requestDigest, approval, now)
  if (own.some(({ body }) => body.decision === 'reject')) throw new Refusal('consent.missing', [index])
  if (plea.request.expiresAt <= now) throw new Refusal('consent.expired')
  if (plea.request.asker === index) return 'asked'
  if (own.length > 0) return 'approved'
  const consent = plea.key.certificate.roster.registrations[index - 1]?.body.consent
  if (consent?.kind === 'standing' && covers(plea, consent.grant, now)) return { grant: consent.grant }
  throw new Refusal('consent.missing', [index])
}
