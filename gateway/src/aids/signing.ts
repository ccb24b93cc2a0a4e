import { Refusal } from '@quorate/shared/errors'
import type { SigningSession, SigningTerms } from '../courses/signing-terms.ts'
import type { Aid } from '../engine/ask.ts'
import { restoreShare } from '../keys/restore-share.ts'
import type { Tools } from './tools.ts'

/** True when the host has not yet installed the epoch that the request names. It is about to, and rests until then. */
async function isBehind({ keys }: Tools, s: SigningSession, error: unknown): Promise<boolean> {
  if (!(error instanceof Refusal) || error.code !== 'epoch.stale') return false
  const key = await keys.load(s.keyId).catch(() => null)
  return key?.verified.digest === s.own.request.body.certificateDigest
}

export const createSigningAid = (tools: Tools): Aid<SigningTerms> => ({
  mends: () => [
    ['key.unknown', (s, seat) => restoreShare({ ...tools, loadKey: tools.keys.load }, s.keyId, seat)],
    ['epoch.unproven', (s, seat) => tools.recall(seat, s.keyId, s.seats)],
  ],
  reads: async (s, error) => ((await isBehind(tools, s, error)) ? new Refusal('enclave.busy') : error),
})
