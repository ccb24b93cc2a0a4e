import type { OwnedKey } from '@quorate/shared/consent/permits'
import type { Approval, Decision, Grant } from '@quorate/shared/wire/consent'
import type { Digest, KeyId, SignKey } from '@quorate/shared/wire/ids'

/*
 * Consents as the courses know them: of key `k` and request `r`, asked by user 1. The gateway has verified their signatures before,
 * so that markers will do.
 */

const common = { skeletonDigest: 'd0' as Digest, reason: null, givenAt: 0 }

export const grantOf = (index: number, expiresAt: number, askers = ['user 1']): Grant => ({
  body: {
    ...common,
    index,
    scope: { kind: 'standing', askers, content: ['bytes'], limit: { count: 1, seconds: 1 } },
    decision: 'approve',
    expiresAt,
  },
  signature: `grant${index}`,
})

export const decisionsOf = (index: number, decisions: readonly Decision[], expiresAt: number): Approval => ({
  body: {
    ...common,
    index,
    scope: { kind: 'request', requestDigest: 'r' as Digest },
    decisions: [...decisions],
    expiresAt,
  },
  signature: `${decisions.join()}${index}${expiresAt}`,
})

/** The same on a request of one item. */
export const decisionOf = (index: number, decision: Decision, expiresAt: number): Approval =>
  decisionsOf(index, [decision], expiresAt)

/** A key of so many owners, of whom some have registered these grants. */
export const keyWith = (owners: number, grants: readonly Grant[] = []): OwnedKey => ({
  keyId: 'k' as KeyId,
  owners: Array.from({ length: owners }, (_, at) => ({
    skeletonDigest: common.skeletonDigest,
    userId: `user ${at + 1}`,
    index: at + 1,
    authKey: '' as SignKey,
    grant: grants.find(({ body }) => body.index === at + 1) ?? null,
  })),
})
