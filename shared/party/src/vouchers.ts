import { verifyApproval } from '@quorate/shared/verify/signing'
import type { Plea } from './consent.ts'

/** By how much a participant's clock may be ahead, in ms. */
const clockSkew = 60_000

/**
 * How many participants have said since `since` (ms, by their own clocks), by asking for this request or approving it, that the
 * version of the key that it names is the one they know. The request has been verified. A word that does not verify counts for
 * nothing.
 */
export async function countVouchers(plea: Plea, since: number, now: number): Promise<number> {
  const { key, request, requestDigest, approvals } = plea
  const isSince = (time: number) => time > since && time <= now + clockSkew
  const said = new Set<number>()
  if (isSince(request.askedAt)) said.add(request.asker)
  for (const approval of approvals) {
    const { index, decision, decidedAt } = approval.body
    if (decision !== 'approve' || !isSince(decidedAt) || said.has(index)) continue
    const verifies = await verifyApproval(key, requestDigest, approval, now).then(
      () => true,
      () => false,
    )
    if (verifies) said.add(index)
  }
  return said.size
}
