import { z } from 'zod'
import { Base64url, Signature } from '../wire/ids.ts'
import { RoundOne, RoundTwo } from '../wire/keygen.ts'
import { CertificateBody } from '../wire/certificate.ts'

/** What the rounds of a DKG exchange. A keygen and a refresh have them in common (Pedersen's DKG, as in the FROST paper). */
export const roundOnes = z.array(RoundOne).min(2).max(32)
export const roundTwos = z.array(RoundTwo).min(1).max(31)
export const saysRoundOne = z.strictObject({ message: RoundOne })
export const saysRoundTwo = z.strictObject({ packages: z.array(RoundTwo).max(31) })
export const saysCertified = z.strictObject({
  certificate: CertificateBody,
  signature: Signature,
  sealedShare: Base64url,
})
