import { permits } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { CLOCK_SKEW } from '@quorate/shared/consent/times'
import { useOf, type Plea } from './consent.ts'

/**
 * How many participants have said since `since` (ms, by their own clocks), by asking for this request or approving it, that the
 * version of the key that it names is the one they know. The request has been verified. A word that does not verify counts for
 * nothing, and neither does a grant, which names no version.
 */
export async function countVouchers(plea: Plea, since: number, now: number): Promise<number> {
  const { request, consents } = plea
  const isSince = (time: number) => time > since && time <= now + CLOCK_SKEW
  const said = new Set<number>()
  if (isSince(request.askedAt)) said.add(request.asker)
  for (const consent of consents) {
    const { scope, index, givenAt } = consent.body
    if (scope.kind !== 'request' || !isSince(givenAt) || said.has(index)) continue
    const use = useOf(plea, index, now)
    const owner = use.key.owners[index - 1]
    if (owner !== undefined && permits(consent, use) && (await isSignedBy(owner, consent))) said.add(index)
  }
  return said.size
}
