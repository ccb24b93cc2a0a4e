import { describe, expect, it } from 'vitest'
import { createSigner, digestOf, signBody } from '../crypto/sign.ts'
import { toHex } from '../wire/bytes.ts'
import { Approval, Consent, Grant } from '../wire/consent.ts'
import { SignKey, type Digest } from '../wire/ids.ts'
import { hasOwnGrant, isSignedBy } from './signed.ts'

const signer = await createSigner(new Uint8Array(32).fill(1))
const stranger = await createSigner(new Uint8Array(32).fill(2))
const keyOf = ({ publicKey }: typeof signer) => SignKey.parse(toHex(publicKey))
const D0 = digestOf('skeleton', 'the key')
const other = digestOf('skeleton', 'another')
const owner = { skeletonDigest: D0, index: 2, authKey: keyOf(signer) }

const common = { skeletonDigest: D0, index: 2, reason: null, givenAt: 1, expiresAt: 2 }
const limit = { count: 1, seconds: 1 }
const grantBody: Grant['body'] = {
  ...common,
  scope: { kind: 'standing', askers: ['alice'], content: ['bytes'], limit },
  decision: 'approve',
}
const approvalBody: Approval['body'] = {
  ...common,
  scope: { kind: 'request', requestDigest: other },
  decisions: ['reject'],
}

describe.each([
  ['an approval or rejection', approvalBody],
  ['a grant', grantBody],
])('%s', (_, body) => {
  it('is the word of its signer, on the key and the share that it names', async () => {
    const consent = Consent.parse(await signBody(signer, 'consent', body))
    expect(await isSignedBy(owner, consent)).toBe(true)
    expect(await isSignedBy({ ...owner, authKey: keyOf(stranger) }, consent)).toBe(false)
    expect(await isSignedBy({ ...owner, index: 3 }, consent)).toBe(false)
    expect(await isSignedBy({ ...owner, skeletonDigest: other }, consent)).toBe(false)
  })

  it.each<[string, object]>([
    ['skeletonDigest', { skeletonDigest: other }],
    ['index', { index: 3 }],
    ['scope', { scope: { kind: 'request', requestDigest: D0 } }],
    ['decision', { decision: 'no' }],
    ['reason', { reason: 'changed' }],
    ['givenAt', { givenAt: 0 }],
    ['expiresAt', { expiresAt: 3 }],
  ])('is nobody’s when its %s has been changed', async (_name, change) => {
    const { signature } = await signBody(signer, 'consent', body)
    const changed = { body: { ...body, ...change }, signature } as Consent
    const { skeletonDigest, index } = changed.body
    expect(await isSignedBy({ ...owner, skeletonDigest, index }, changed)).toBe(false)
  })

  it('is under a tag of its own', async () => {
    const elsewhere = (await signBody(signer, 'request', body)) as Consent
    expect(await isSignedBy(owner, elsewhere)).toBe(false)
  })
})

describe('a registration', () => {
  it('has no grant, or one of its own auth key, key and share', async () => {
    const grant = await signBody(signer, 'consent', grantBody)
    expect(await hasOwnGrant({ ...owner, grant: null })).toBe(true)
    expect(await hasOwnGrant({ ...owner, grant })).toBe(true)
    expect(await hasOwnGrant({ ...owner, authKey: keyOf(stranger), grant })).toBe(false)
    expect(await hasOwnGrant({ ...owner, index: 1, grant })).toBe(false)
    expect(await hasOwnGrant({ ...owner, skeletonDigest: other, grant })).toBe(false)
  })
})

describe('the schema', () => {
  const signature = '00'.repeat(64)
  const fits = (body: object) => Consent.safeParse({ body, signature }).success

  it('knows approvals, rejections and grants, and no standing rejection', () => {
    for (const body of [approvalBody, { ...approvalBody, decisions: ['approve', 'reject'] }, grantBody])
      expect(fits(body)).toBe(true)
    expect(fits({ ...grantBody, decision: 'reject' })).toBe(false)
    expect(fits({ ...approvalBody, decisions: [] })).toBe(false)
    expect(fits({ ...approvalBody, decisions: ['later'] })).toBe(false)
    expect(Grant.safeParse({ body: approvalBody, signature }).success).toBe(false)
    expect(Approval.safeParse({ body: grantBody, signature }).success).toBe(false)
  })

  it('refuses scopes and contents that it does not know, and what stands in neither form', () => {
    const { scope } = grantBody
    const wrong: object[] = [
      { ...scope, kind: 'always' },
      { ...scope, content: ['bytes', 'anything'] },
      { ...scope, content: [] },
      { ...scope, askers: [] },
      { ...scope, limit: { count: 0, seconds: 1 } },
      { ...scope, requestDigest: D0 satisfies Digest },
      { kind: 'request' },
    ]
    for (const changed of wrong) expect(fits({ ...grantBody, scope: changed }), JSON.stringify(changed)).toBe(false)
    expect(fits({ ...grantBody, more: 1 })).toBe(false)
  })
})
