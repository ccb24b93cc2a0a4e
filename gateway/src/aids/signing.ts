import { Refusal } from '@quorate/shared/errors'
import { isCommitmentOf, isPartialOf, packageDigest } from '@quorate/shared/verify/quorum'
import type { SigningSession, SigningTerms } from '../courses/signing-terms.ts'
import type { Aid } from '../engine/ask.ts'
import { epochForgotten, shareForgotten, usesForgotten } from './forgotten.ts'
import type { Tools } from './tools.ts'

/** True when the host has not yet installed the epoch that the request names. It is about to, and rests until then. */
async function isBehind({ keys }: Tools, s: SigningSession, error: unknown): Promise<boolean> {
  if (!isStale(error)) return false
  const key = await keys.load(s.keyId).catch(() => null)
  return key?.verified.digest === s.own.request.body.certificateDigest
}

/** Who had the key refreshed away from the epoch that the request names; nobody when that is not known here. */
async function refresherOf({ store }: Tools, { keyId, own }: SigningSession): Promise<number[]> {
  const next = await store.loadKeyAt(keyId, own.request.body.epoch + 1).catch(() => null)
  return next?.asker === undefined ? [] : [next.asker]
}

const isStale = (error: unknown): boolean => error instanceof Refusal && error.code === 'epoch.stale'

export const createSigningAid = (tools: Tools): Aid<SigningTerms> => ({
  bring: {
    commit: async ({ id }) => ({ sealedItems: await tools.items.load(id) }),
    confirm: async ({ id }) => ({ sealedItems: await tools.items.load(id) }),
  },
  mends: () => [shareForgotten(tools), epochForgotten(tools), usesForgotten(tools)],
  // Who does not sign its word is named here: to the hosts, it could have been changed on its way.
  verify: {
    async commit(s, _, { index, says }) {
      const { verified } = await tools.keys.load(s.keyId)
      const { request, requestDigest } = s.own
      const frame = { signingId: request.body.signingId, requestDigest, attempt: s.attempt }
      if (!(await isCommitmentOf(verified, frame, index, says.commitment)))
        throw new Refusal('signing.bad_commitment', [index])
    },
    async partial(s, { given }, { index, says }) {
      const { verified } = await tools.keys.load(s.keyId)
      const { signingId } = s.own.request.body
      const of = { signingId, attempt: s.attempt }
      const frame = { ...of, packageDigest: packageDigest({ ...of, ...given }) }
      if (!(await isPartialOf(verified, frame, index, says.partial))) throw new Refusal('signing.bad_partial', [index])
    },
  },
  async reads(s, error) {
    if (await isBehind(tools, s, error)) return new Refusal('enclave.busy')
    return isStale(error) ? new Refusal('epoch.stale', await refresherOf(tools, s)) : error
  },
})
