import { Refusal } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import { isOver } from '../courses/epoch-change.ts'

/** The key under which the host in this seat signs. */
export function signKeyOf({ roster }: CertificateBody, index: number) {
  const host = roster.skeleton.participants[index - 1]?.host
  if (host === undefined) throw new Refusal('internal')
  return host.identity.signKey
}

type Words = Readonly<{ certificate: Readonly<{ body: CertificateBody }>; prepared: readonly Prepared[] }>

/** Throws `receipt.invalid` when a host did not sign its word. It is checked here, so that a wrong one is asked for again. */
export async function verifyPrepared(
  { certificate }: Pick<Words, 'certificate'>,
  { index, says: { prepared } }: Readonly<{ index: number; says: Readonly<{ prepared: Prepared }> }>,
): Promise<void> {
  if (!(await verifyBody(signKeyOf(certificate.body, index), 'prepared', prepared)))
    throw new Refusal('receipt.invalid', [index])
}

/** The same, and when its word is about something else than what all have prepared. */
export async function verifyInstalled(
  { certificate, prepared }: Words,
  { index, says }: Readonly<{ index: number; says: Readonly<{ installed: Installed }> }>,
): Promise<void> {
  if (!isOver(prepared, says) || !(await verifyBody(signKeyOf(certificate.body, index), 'installed', says.installed)))
    throw new Refusal('receipt.invalid', [index])
}
