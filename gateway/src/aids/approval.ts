import { objectionsTo } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { Refusal } from '@quorate/shared/errors'
import type { Approval } from '@quorate/shared/wire/consent'
import { useOf } from '../courses/signing-consent.ts'
import type { SigningOwn } from '../courses/signing-terms.ts'

/** What an approval is held against: who owns the key, and what is asked for. */
export type Approvable = Pick<SigningOwn, 'key' | 'request' | 'requestDigest'>

/** Throws `consent.invalid` or `consent.expired`. A rejection of everything may come at any time. */
export async function requireSound(own: Approvable, approval: Approval, now: number): Promise<void> {
  const { index } = approval.body
  const owner = own.key.owners[index - 1]
  const objections = objectionsTo(approval, useOf(own, index, now))
  const isSound = owner !== undefined && !objections.includes('foreign') && (await isSignedBy(owner, approval))
  if (!isSound) throw new Refusal('consent.invalid', [index])
  if (objections.includes('over') || objections.includes('expired')) throw new Refusal('consent.expired', [index])
}
