import type { Mpc } from '@quorate/shared/mpc'
import { describesKey, verifyCertificate } from '@quorate/shared/verify/certificate'
import { keepsWhatWasContributed } from '@quorate/shared/verify/contributed'
import { describesSubgroups } from '@quorate/shared/verify/subgroups'
import { verifyInForce } from '@quorate/shared/verify/refresh'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { Installed } from '@quorate/shared/wire/refresh'
import { refuse } from '../errors.ts'
import { isTakenAs, type OwnRegistration } from './registration.ts'
import { hostsOf, skeletonDigest } from './skeleton.ts'

/** What a person who took part knows beforehand. `own`: null for who reserved the key for others. */
export type CertificateExpectation = Readonly<{
  mpc: Mpc
  skeletonDigest: string
  own: OwnRegistration | null
  /** Resolves when this exact enclave has proved itself, else throws `attestation.invalid`. */
  prove: (identity: EnclaveIdentity) => Promise<unknown>
}>

/** What the gateway shows of a new key: its certificate, and the word of each host that it has installed it. */
export type ShownKey = Readonly<{ certificate: Certificate; installed: readonly Installed[] }>

/**
 * Accepts the certificate of a new key: of the skeleton that was agreed on, with the own registration unchanged, of the keys that participants contributed if they did, signed by
 * every host, each of which has proved to be an enclave, and installed by all: hosts install one certificate of a roster. Gives the
 * certificate's digest. Throws a `Refusal` or `QuorateError`.
 */
export async function acceptCertificate(
  { certificate, installed }: ShownKey,
  expected: CertificateExpectation,
): Promise<Digest> {
  const { roster, previous } = certificate.body
  if (skeletonDigest(roster.skeleton) !== expected.skeletonDigest) return refuse('keygen.skeleton_mismatch')
  const { own } = expected
  const registered = own === null ? undefined : roster.registrations[own.index - 1]?.body
  if (own !== null && !(registered !== undefined && isTakenAs(own, registered))) return refuse('keygen.roster_mismatch')
  const digest = await verifyCertificate(certificate)
  const isOfItsHosts =
    describesKey(expected.mpc, certificate.body) &&
    keepsWhatWasContributed(expected.mpc, certificate.body) &&
    (await describesSubgroups(expected.mpc, certificate.body))
  if (previous !== null || !isOfItsHosts) return refuse('certificate.invalid')
  await verifyInForce({ certificate: certificate.body, digest }, installed)
  await Promise.all(hostsOf(roster.skeleton).map(expected.prove))
  return digest
}
