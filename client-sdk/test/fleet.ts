import type { HostKeys } from '@quorate/party/ports'
import type { Mpc } from '@quorate/shared/mpc'
import { decode } from '@quorate/shared/crypto/cbor'
import { sealSignature } from '@quorate/shared/crypto/session-items'
import { digestOf } from '@quorate/shared/crypto/sign'
import { resultDigest } from '@quorate/shared/verify/signing'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import type { AttestedIdentity } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import { Init, type Skeleton } from '@quorate/shared/wire/keygen'
import type { Certificate, CertificateBody } from '@quorate/shared/wire/certificate'
import type { ItemResult, Outcome, SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { introduceAll, startHost, startHosts, type Host } from '../../shared/party/test/host.js'

/*
 * Parties in memory, for the scripted gateway. What they answer is what enclaves answer. Below stands what an attacker could have
 * them say who has taken them: nobody can take V from a host otherwise.
 */

export type Fleet = Readonly<{
  mpc: Mpc
  enclaves: readonly Host[]
  trust: TrustPolicy
  /** A document of this host. `firstPcr`: of another image. */
  attest: (
    enclave: Host,
    nonce: string,
    wish?: Readonly<{ firstPcr?: number; sealing?: SealingClaims }>,
  ) => Promise<AttestedIdentity>
  /** A host of the same root and image that nobody has listed. */
  stranger: (enclaveId: string) => Promise<Host>
}>

export async function createFleet(size = 3): Promise<Fleet> {
  const group = await startHosts({ size })
  const { mpc, development, members } = group
  await introduceAll(members)
  return {
    mpc,
    enclaves: members,
    trust: development.trust,
    attest(host, nonce, { sealing, ...wish } = {}) {
      const presence = { ...host.presence(), ...(sealing && { sealing }) }
      return development.attest({ identity: host.identity, presence }, nonce, wish)
    },
    stranger: (enclaveId) => startHost(group, enclaveId),
  }
}

export const hostOf = (fleet: Fleet, skeleton: Skeleton, index: number): Host =>
  fleet.enclaves.find((e) => e.identity.enclaveId === skeleton.participants[index - 1]!.host.identity.enclaveId)!

/** What was sealed to this host to begin a keygen, with its session secret. */
export const openInit = (keys: HostKeys, sealed: string): Init => Init.parse(decode(keys.open(fromBase64url(sealed))))

/** All hosts of the body's skeleton sign it, whatever it says. */
export async function certify(fleet: Fleet, body: CertificateBody): Promise<Certificate> {
  const { participants } = body.roster.skeleton
  const signed = participants.map(({ index }) =>
    hostOf(fleet, body.roster.skeleton, index).keys.sign('certificate', body),
  )
  return { body, signatures: (await Promise.all(signed)).map(({ signature }) => signature) }
}

export const sealSignatures = (
  secret: Uint8Array,
  signingId: string,
  signatures: readonly Uint8Array[],
): ItemResult[] =>
  signatures.map((signature, at) => ({ sealedSignature: toBase64url(sealSignature(secret, signingId, at, signature)) }))

/** A receipt of each host of the quorum, over whatever outcomes. */
export function writeReceipts(
  fleet: Fleet,
  certificate: CertificateBody,
  request: SigningRequest,
  quorum: number[],
  outcomes: readonly Outcome[],
): Promise<SigningReceipt[]> {
  const { skeleton } = certificate.roster
  const same = {
    requestDigest: digestOf('request', request.body),
    attempt: 1,
    packageDigest: digestOf('package', 'of this fleet'),
    resultDigest: resultDigest(outcomes),
    policyDigest: digestOf('policy', skeleton.policy),
    epoch: certificate.epoch,
    measurements: { ...fleet.trust.measurements[0]! },
  }
  return Promise.all(
    quorum.map((index) => {
      const host = hostOf(fleet, skeleton, index)
      const body = { ...same, quorum, index, life: host.presence().life, signedAt: Date.now() }
      return host.keys.sign('signing-receipt', body)
    }),
  )
}
