import { permits } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { useOf, type Plea } from './consent.ts'

/**
 * How many participants have said since this life of the host began, by asking for this request or approving it, that the version of
 * the key that it names is the one they know. A word is of that time when it names the life, which nobody could know before; whose
 * clock is wrong changes nothing. The request has been verified. A word that does not verify counts for nothing, and neither does a
 * grant, which names no version.
 */
export async function countVouchers(plea: Omit<Plea, 'standing'>, life: string, now: number): Promise<number> {
  const { request, consents } = plea
  const said = new Set<number>()
  if (typeof request.asker === 'number' && request.lives?.includes(life) === true) said.add(request.asker)
  for (const consent of consents) {
    const { body } = consent
    if (!('lives' in body) || body.lives?.includes(life) !== true || said.has(body.index)) continue
    const use = useOf(plea, body.index, now)
    const owner = use.key.owners[body.index - 1]
    if (owner !== undefined && permits(consent, use) && (await isSignedBy(owner, consent))) said.add(body.index)
  }
  return said.size
}
