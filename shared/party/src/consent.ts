import { ownedKey, weigh, type Ground, type Objection, type Use, type Weighed } from '@quorate/shared/consent/permits'
import type { KnownWords } from '@quorate/shared/crypto/known-words'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { outsideOf, signersOfItems } from '@quorate/shared/verify/signers'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Consent } from '@quorate/shared/wire/consent'
import type { Digest } from '@quorate/shared/wire/ids'
import type { OwnerRefusal, Outside, RequestBody } from '@quorate/shared/wire/signing'
import type { Standing } from './bunker/standing.ts'

/**
 * What consent is asked for: the verified request R of a verified key, with all consents that came along. `standing`: what an owner's book
 * says of each item, which counts in place of a registered grant.
 */
export type Plea = Readonly<{
  key: VerifiedKey
  request: RequestBody
  requestDigest: Digest
  consents: readonly Consent[]
  known: KnownWords
  standing: (index: number, now: number) => readonly Standing[]
}>

export const useOf = ({ key, request, requestDigest }: Omit<Plea, 'standing'>, index: number, now: number): Use => ({
  key: ownedKey(key.certificate.roster),
  request,
  requestDigest,
  index,
  outside: outsideOf(signersOfItems(key.certificate.roster.skeleton, request), index),
  now,
})

const codes = {
  outside: 'subgroup.not_member',
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

/** The ground on which a share takes part in an item; or why it does not, and what its host says of the item then. */
export type ItemConsent =
  Readonly<{ ground: Ground }> | Readonly<{ ground: null; code: RefusalCode; word: OwnerRefusal | Outside }>

function wordFor(objection: Objection): OwnerRefusal | Outside {
  if (objection === 'outside') return codes.outside
  return objection === 'rejected' ? 'signing.rejected' : 'consent.missing'
}

const without = (code: RefusalCode, objection: Objection): ItemConsent => ({
  ground: null,
  code,
  word: wordFor(objection),
})

function consentTo(weighed: Weighed, standing: Standing): ItemConsent {
  if (weighed.ground !== null) return weighed
  const { objection } = weighed
  if (standing === null || !yielding.has(objection)) return without(codes[objection], objection)
  return 'ground' in standing ? standing : without(standing.code, objection)
}

/**
 * By item, whether the share of participant `index` takes part at `now` (ms), by what its owner has said. Every word in the owner's name must
 * be the owner's. Throws `consent.missing`, `consent.invalid`, `consent.expired`, `book.unproven` or `subgroup.not_member` where the share takes part in no item.
 */
export async function requireConsent(plea: Plea, index: number, now: number): Promise<readonly ItemConsent[]> {
  const use = useOf(plea, index, now)
  const owner = use.key.owners[index - 1]
  const verify: KnownWords['verify'] = (...of) => plea.known.verify(...of)
  for (const consent of plea.consents) {
    if (consent.body.index !== index) continue
    if (owner === undefined || !(await isSignedBy(owner, consent, verify)))
      throw new Refusal('consent.invalid', [index])
  }
  const standing = plea.standing(index, now)
  const hasBook = standing.some((one) => one !== null)
  const weighed = weigh(hasBook ? plea.consents.filter(isOfRequest) : plea.consents, use)
  const objections = weighed.flatMap((one) => (one.ground === null ? [one.objection] : []))
  // Nobody is to blame for a request that is over.
  if (objections.includes('over')) throw new Refusal(codes.over)
  const consents = weighed.map((one, at) => consentTo(one, standing[at] ?? null))
  if (consents.some(({ ground }) => ground !== null)) return consents
  const refused = consents.flatMap((one) => (one.ground === null ? [one] : []))
  const first = refused.find(({ word }) => word !== codes.outside) ?? refused[0]
  throw new Refusal(first?.code ?? 'consent.missing', [index])
}
