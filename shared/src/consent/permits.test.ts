import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../crypto/sign.ts'
import type { Approval, Consent, Grant } from '../wire/consent.ts'
import type { Digest, KeyId, SigningId, SignKey } from '../wire/ids.ts'
import type { RequestBody } from '../wire/signing.ts'
import { consentsWith, objectionsTo, permits, weigh, type Objection, type OwnedKey, type Use } from './permits.ts'

const DAY = 86_400_000
const NOW = 400 * DAY
const digest = (name: string) => digestOf('skeleton', name)
const D0 = digest('the key')

const common = { skeletonDigest: D0, index: 2, reason: null, expiresAt: NOW + 1 }
const grantBody: Grant['body'] = {
  ...common,
  scope: { kind: 'standing', askers: ['alice'], content: ['bytes'], limit: { count: 1, seconds: 1 } },
  decision: 'approve',
  givenAt: NOW - 100 * DAY,
}
const signed = <T>(body: T) => ({ body, signature: '' })

const ownerOf = (userId: string, index: number, grant: Grant | null = null) => ({
  ...{ skeletonDigest: D0, userId, index, authKey: '' as SignKey, grant },
})
const keyWith = (grant: Grant | null): OwnedKey => ({
  keyId: 'k' as KeyId,
  owners: [ownerOf('alice', 1), ownerOf('bob', 2, grant), ownerOf('carol', 3)],
})
type ContentType = RequestBody['items'][number]['type']
const item = (type: ContentType) => ({ type, digest: digest('item') })
const request: RequestBody = {
  signingId: 's' as SigningId,
  keyId: 'k' as KeyId,
  certificateDigest: digest('certificate'),
  epoch: 0,
  asker: 1,
  items: [item('bytes')],
  sealedDigest: digest('sealed'),
  askedAt: NOW - 10,
  expiresAt: NOW + 1,
}
const R = digestOf('request', request)
const use: Use = { key: keyWith(signed(grantBody)), request, requestDigest: R, index: 2, outside: new Set(), now: NOW }
const approvalBody: Approval['body'] = {
  ...common,
  decisions: ['approve'],
  scope: { kind: 'request', requestDigest: R },
  givenAt: NOW - 5,
}
const approval = signed(approvalBody)
const grant = signed(grantBody)
const ofGrant = { grant: null, limits: [grantBody.scope.limit] }

const asking = (change: Partial<RequestBody>): Partial<Use> => ({ request: { ...request, ...change } })
type Row = [what: string, Objection | null, consent: Consent | null, change?: Partial<Use>]
const approving = (change: Partial<Approval['body']>): Approval => signed({ ...approvalBody, ...change })
/** A grant that is registered as it stands. */
const granting = (change: Partial<Grant['body']>): [Grant, Partial<Use>] => {
  const changed = signed({ ...grantBody, ...change })
  return [changed, { key: keyWith(changed) }]
}
const scope = (change: Partial<Grant['body']['scope']>) => granting({ scope: { ...grantBody.scope, ...change } })
const of = (index: number) => ({ index })

/** Every row but the positive ones differs from a positive one in one thing. */
const rows: Row[] = [
  ['an approval', null, approval],
  ['an approval of another key', 'foreign', approving({ skeletonDigest: digest('another') })],
  ['an approval for another share', 'foreign', approving({ index: 3 })],
  ['an approval of another request', 'foreign', approving({ scope: { kind: 'request', requestDigest: D0 } })],
  ['an approval beside another request', 'foreign', approval, { requestDigest: D0 }],
  ['an approval beside a request to another key', 'foreign', approval, asking({ keyId: 'other' as KeyId })],
  ['an approval where another share is asked', 'foreign', approval, of(3)],
  ['an approval where no share is', 'foreign', approval, of(4)],
  ['a rejection', 'rejected', approving({ decisions: ['reject'] })],
  ['a rejection that is over', 'rejected', approving({ decisions: ['reject'], expiresAt: 1 })],
  ['an approval in its last moment', null, approving({ expiresAt: NOW + 1 })],
  ['an approval that is over', 'expired', approving({ expiresAt: NOW })],
  ['an approval of 31 days', null, approving({ givenAt: NOW - 31 * DAY })],
  ['an older approval', 'expired', approving({ givenAt: NOW - 31 * DAY - 1 })],
  ['an approval by a clock that is a minute ahead', null, approving({ givenAt: NOW + 60_000 })],
  ['an approval from the future', 'expired', approving({ givenAt: NOW + 60_001 })],
  ['an approval of a request that is over', 'over', approval, asking({ expiresAt: NOW })],
  ['an approval of a request of 31 days', null, approval, asking({ askedAt: NOW - 31 * DAY })],
  ['an approval of an older request', 'over', approval, asking({ askedAt: NOW - 31 * DAY - 1 })],
  ['an approval of a request from the future', 'over', approval, asking({ askedAt: NOW + 60_001 })],
  ['a grant, which may be older', null, grant],
  ['a grant of another key', 'foreign', signed({ ...grantBody, skeletonDigest: digest('another') })],
  ['a grant for another share', 'foreign', signed({ ...grantBody, index: 3 })],
  ['a grant where another share is asked', 'foreign', grant, of(3)],
  ['a grant beside a request to another key', 'foreign', grant, asking({ keyId: 'other' as KeyId })],
  ['a grant other than the registered one', 'foreign', signed({ ...grantBody, expiresAt: NOW + 2 })],
  ['a grant where none is registered', 'foreign', grant, { key: keyWith(null) }],
  ['a grant that is over', 'expired', ...granting({ expiresAt: NOW })],
  ['a grant from the future', 'expired', ...granting({ givenAt: NOW + 60_001 })],
  ['a grant for another asker', 'uncovered', ...scope({ askers: ['carol'] })],
  ['a grant for more askers', null, ...scope({ askers: ['carol', 'alice'] })],
  ['a grant where another asks', 'uncovered', grant, asking({ asker: 3 })],
  ['a grant where nobody of the key asks', 'uncovered', grant, asking({ asker: 4 })],
  ['a grant for other content', 'uncovered', ...scope({ content: ['nostr-event'] })],
  ['a grant for bytes under a tag where they are raw', 'uncovered', grant, asking({ items: [item('raw')] })],
  ['a grant for more content', null, ...scope({ content: ['nostr-event', 'bytes'] })],
  ['an approval of more items', 'foreign', approving({ decisions: ['approve', 'approve'] })],
  ['a grant of a request that is over', 'over', grant, asking({ expiresAt: NOW })],
  ['a grant of an older request', 'over', grant, asking({ askedAt: NOW - 31 * DAY - 1 })],
  ['nothing beside the own request', null, null, of(1)],
  ['nothing beside the request of another', 'silent', null],
  ['nothing where no share is', 'foreign', null, of(4)],
  ['nothing beside an own request that is over', 'over', null, { ...of(1), ...asking({ expiresAt: NOW }) }],
  [
    'nothing beside an own request to another key',
    'foreign',
    null,
    { ...of(1), ...asking({ keyId: 'other' as KeyId }) },
  ],
]

describe('a share', () => {
  it.each(rows)('hears of %s: %s', (_, objection, consent, change) => {
    const changed = { ...use, ...change }
    expect(objectionsTo(consent, changed)).toEqual([objection])
    expect(permits(consent, changed)).toBe(objection === null)
  })

  it('takes part in the items that a word says yes to, and that a grant covers', () => {
    const items = [item('bytes'), item('nostr-event'), item('bytes')]
    const three = { ...use, ...asking({ items }) }
    const word = approving({ decisions: ['reject', 'approve', 'approve'] })
    expect(objectionsTo(word, three)).toEqual(['rejected', null, null])
    expect(objectionsTo(signed({ ...word.body, expiresAt: NOW }), three)).toEqual(['rejected', 'expired', 'expired'])
    expect(objectionsTo(grant, three)).toEqual([null, 'uncovered', null])
    expect([word, grant].map((one) => permits(one, three))).toEqual([true, true])
    expect(permits(approving({ decisions: ['reject', 'reject', 'reject'] }), three)).toBe(false)
    expect(objectionsTo(approval, three)).toEqual(['foreign', 'foreign', 'foreign'])
  })

  it('does not take part on a kind of consent, of decision or of content that is unknown here', () => {
    const unknown = (change: object) => signed({ ...approvalBody, ...change }) as unknown as Consent
    expect(permits(unknown({ scope: { kind: 'always', requestDigest: R } }), use)).toBe(false)
    expect(permits(unknown({ decisions: ['perhaps'] }), use)).toBe(false)
    expect(permits(grant, { ...use, ...asking({ items: [item('psbt' as ContentType)] }) })).toBe(false)
  })

  it('takes part for no other request, key or share than the consent names, whatever else is so', () => {
    const either = <T>(right: T, wrong: T) => fc.constantFrom(right, wrong)
    const any = fc.record({
      consent: fc.constantFrom<Consent>(approval, grant),
      skeletonDigest: either(D0, digest('another')),
      requestDigest: either<Digest>(R, digest('another')),
      keyId: either('k' as KeyId, 'other' as KeyId),
      index: fc.constantFrom(1, 2, 3, 4),
      asked: fc.constantFrom(1, 2, 3, 4),
      asker: fc.constantFrom(1, 2, 3),
    })
    fc.assert(
      fc.property(any, ({ consent, skeletonDigest, requestDigest, keyId, index, asked, asker }) => {
        const body = { ...consent.body, skeletonDigest, index }
        const changed = { ...use, ...asking({ keyId, asker }), requestDigest, index: asked }
        if (!permits({ ...consent, body } as Consent, changed)) return
        expect({ skeletonDigest, keyId, index }).toEqual({ skeletonDigest: D0, keyId: 'k', index: asked })
        if (consent === approval) expect(requestDigest).toBe(R)
        else expect({ index, asker }).toEqual({ index: 2, asker: 1 })
      }),
    )
  })
})

describe('all that an owner has said', () => {
  const rejection = approving({ decisions: ['reject'] })
  const late = approving({ expiresAt: NOW })
  const none = { ...use, key: keyWith(null) }
  it.each<[string, readonly Consent[], Use, ReturnType<typeof weigh>[number]]>([
    ['an approval before a grant', [grant, approval], use, { ground: 'approved' }],
    ['a grant alone', [grant], use, { ground: ofGrant }],
    ['a grant beside an approval that is over', [late, grant], use, { ground: ofGrant }],
    ['a request before an approval', [approving(of(1))], { ...use, ...of(1) }, { ground: 'asked' }],
    [
      'a request beside an approval that is over',
      [approving({ ...of(1), expiresAt: 1 })],
      { ...use, ...of(1) },
      { ground: 'asked' },
    ],
    ['a rejection above all', [approval, grant, rejection], use, { ground: null, objection: 'rejected' }],
    [
      'the rejection of who asks',
      [approving({ ...of(1), decisions: ['reject'] })],
      { ...use, ...of(1) },
      { ground: null, objection: 'rejected' },
    ],
    ['a foreign word above that', [approval, rejection, grant], none, { ground: null, objection: 'foreign' }],
    ['an approval that is over', [late], use, { ground: null, objection: 'expired' }],
    ['the word of another', [approving(of(3))], use, { ground: null, objection: 'silent' }],
    ['nothing', [], use, { ground: null, objection: 'silent' }],
  ])('counts %s', (_, consents, at, expected) => {
    expect(weigh(consents, at)).toEqual([expected])
  })

  it('counts item by item', () => {
    const three = { ...use, ...asking({ items: [item('bytes'), item('nostr-event'), item('bytes')] }) }
    const word = approving({ decisions: ['approve', 'reject', 'approve'] })
    const rejected = { ground: null, objection: 'rejected' }
    expect(weigh([word, grant], three)).toEqual([{ ground: 'approved' }, rejected, { ground: 'approved' }])
    expect(weigh([grant], three)).toEqual([
      { ground: ofGrant },
      { ground: null, objection: 'uncovered' },
      { ground: ofGrant },
    ])
    const own = [approving({ ...of(1), decisions: ['approve', 'reject', 'approve'] })]
    expect(weigh(own, { ...three, ...of(1) })).toEqual([{ ground: 'asked' }, rejected, { ground: 'asked' }])
    const foreign = { ground: null, objection: 'foreign' }
    expect(weigh([word, approval], three)).toEqual([foreign, foreign, foreign])
  })

  it('travels with the request: approvals, and grants of those who have said nothing', () => {
    const { key } = use
    expect(consentsWith(key, request, [])).toEqual([grant])
    expect(consentsWith(key, request, [rejection, approving(of(3))])).toEqual([rejection, approving(of(3))])
    expect(consentsWith(key, { asker: 2 }, [])).toEqual([])
  })
})
