import type { Mpc } from '@quorate/shared/mpc'
import type { Digest } from '../wire/ids.ts'
import { Refusal } from '../errors.ts'
import { digestOf, verifyDigest } from '../crypto/sign.ts'
import { schemeOf } from '../schemes/cryptography.ts'
import { fromBase64url, toHex } from '../wire/bytes.ts'
import type { Certificate, CertificateBody } from '../wire/certificate.ts'
import type { Roster } from '../wire/keygen.ts'
import { keepsWhatWasDealt } from './dealt.ts'
import { verifyRoster } from './roster.ts'

/**
 * Checks a key certificate as far as it can be checked from itself: its roster, and a signature by every participant's
 * host over the whole; a dealt key is the one that its skeleton names. Gives its digest (hex). Throws `certificate.invalid` or `keygen.roster_mismatch`.
 * A signature that is missing accuses nobody, since who shows the certificate can change it. Whether the hosts are enclaves is for
 * attestation to say.
 */
export async function verifyCertificate({ body, signatures }: Certificate): Promise<Digest> {
  await verifyRoster(body.roster)
  const { participants } = body.roster.skeleton
  if (signatures.length !== participants.length) throw new Refusal('certificate.invalid')
  // Of a hundred participants the body has 100 KB: it is hashed once for all of them.
  const digest = digestOf('certificate', body)
  for (const { index, host } of participants)
    if (!(await verifyDigest(host.identity.signKey, digest, signatures[index - 1] ?? '')))
      throw new Refusal('certificate.invalid')
  if (!keepsWhatWasDealt(body)) throw new Refusal('certificate.invalid')
  return digest
}

/** Do the verifying shares belong to this group key, under the threshold and for the participants of the roster? */
export function describesKey(
  mpc: Mpc,
  {
    roster,
    groupKey,
    publicKeys,
  }: Pick<CertificateBody, 'groupKey' | 'publicKeys'> & Readonly<{ roster: Pick<Roster, 'skeleton'> }>,
): boolean {
  const { scheme, threshold, participants } = roster.skeleton
  try {
    const described = schemeOf(mpc, scheme).describe(fromBase64url(publicKeys))
    return (
      toHex(described.groupKey) === groupKey &&
      described.threshold === threshold &&
      described.verifyingShares.size === participants.length &&
      participants.every(({ index }) => described.verifyingShares.has(index))
    )
  } catch {
    return false
  }
}

/**
 * What a key is, whatever its id: the digest of the roster that it was made with. All certificates of a key hold that roster, since
 * nothing yet gives a key other people or hosts.
 */
export const lineageOf = ({ roster }: Pick<CertificateBody, 'roster'>): Digest => digestOf('roster', roster)
