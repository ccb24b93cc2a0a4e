import { Refusal } from '@quorate/shared/errors'
import type { SigningSession, SigningTerms } from '../courses/signing-terms.ts'
import type { Aid } from '../engine/ask.ts'
import { epochForgotten, shareForgotten } from './forgotten.ts'
import type { Tools } from './tools.ts'

/** True when the host has not yet installed the epoch that the request names. It is about to, and rests until then. */
async function isBehind({ keys }: Tools, s: SigningSession, error: unknown): Promise<boolean> {
  if (!(error instanceof Refusal) || error.code !== 'epoch.stale') return false
  const key = await keys.load(s.keyId).catch(() => null)
  return key?.verified.digest === s.own.request.body.certificateDigest
}

export const createSigningAid = (tools: Tools): Aid<SigningTerms> => ({
  mends: () => [shareForgotten(tools), epochForgotten(tools)],
  reads: async (s, error) => ((await isBehind(tools, s, error)) ? new Refusal('enclave.busy') : error),
})
