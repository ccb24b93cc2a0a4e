import { attestedDigest } from '@quorate/shared/attestation/verify'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { AttestedIdentity, EnclaveIdentity, Presence } from '@quorate/shared/wire/identity'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { base64, forgeChain, forgeDocument, payloadFields, pcr } from '../../test/forge-documents.js'

/** A root that attests development hosts, and the image that they all are of. */
export type Development = Readonly<{
  trust: TrustPolicy
  /** PCR0 to 2. */
  measurements: Measurements
  /** A document of this identity and presence over this nonce. `firstPcr`: PCR0 of another image, a byte. */
  attest: (
    claims: Readonly<{ identity: EnclaveIdentity; presence: Presence }>,
    nonce: string,
    wish?: Readonly<{ now?: number; firstPcr?: number }>,
  ) => Promise<AttestedIdentity>
}>

const registers = [0, 1, 2, 3, 4]

export async function foundDevelopment(): Promise<Development> {
  const chain = await forgeChain()
  const measurements = { '0': toHex(pcr(1)), '1': toHex(pcr(2)), '2': toHex(pcr(3)) }
  return {
    trust: { roots: [base64(chain.bundle[0]!.der)], measurements: [measurements] },
    measurements,
    async attest({ identity, presence }, nonce, { now = Date.now(), firstPcr = 1 } = {}) {
      const fields = new Map(payloadFields(chain, now))
      fields.set('pcrs', new Map(registers.map((index) => [index, pcr(index + firstPcr)])))
      fields.set('public_key', fromHex(identity.sealKey))
      fields.set('user_data', attestedDigest({ identity, presence }))
      fields.set('nonce', fromHex(nonce))
      return { identity, presence, document: toBase64url(await forgeDocument(chain, [...fields])) }
    },
  }
}
