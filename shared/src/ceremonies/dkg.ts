import * as z from 'zod/mini'
import { Base64url, Signature } from '../wire/ids.ts'
import { CertificateBody } from '../wire/certificate.ts'
import { RoundOne, RoundTwo } from '../wire/keygen.ts'

const messages = z.array(RoundOne).check(z.minLength(1), z.maxLength(32))
const packages = z.array(RoundTwo).check(z.maxLength(31))
/** What a host says that has certified a key: the sealed share is for the gateway to keep. */
export const certified = z.strictObject({ certificate: CertificateBody, signature: Signature, sealedShare: Base64url })
const round = { who: 'all', loss: 'ask_again', long: true } as const

/**
 * The rounds of a DKG, after which all hosts sign the certificate: a keygen and a refresh have them in common. `begins` is what round
 * one asks, `seat` what the other rounds name their seat by.
 */
export const dkgRounds = <B extends z.ZodMiniType, S extends z.core.$ZodShape>(begins: B, seat: S) => ({
  round1: { ...round, asks: begins, says: z.strictObject({ message: RoundOne }), acquainted: true as const },
  round2: {
    ...round,
    asks: z.strictObject({ ...seat, messages }),
    says: z.strictObject({ packages }),
  },
  round3: {
    ...round,
    asks: z.strictObject({ ...seat, packages }),
    says: certified,
  },
})
