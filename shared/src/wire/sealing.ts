import * as z from 'zod/mini'

/** Whose key service seals the roots of enclaves. `simulator`: the stand-in of a local fleet, which speaks the protocol of `aws`. */
export const HsmProvider = z.enum(['aws', 'aws-cloudhsm', 'azure', 'google', 'simulator'])
export type HsmProvider = z.infer<typeof HsmProvider>

/** Reads HSM_PROVIDER. Throws a plain Error that lists the five for anything else. */
export function parseHsmProvider(text: string): HsmProvider {
  const read = HsmProvider.safeParse(text)
  if (read.success) return read.data
  throw new Error(`HSM_PROVIDER is one of ${HsmProvider.options.join(', ')}, and not ${JSON.stringify(text)}`)
}

/**
 * What the key service of an enclave attests, and what it does not. It follows from the measured configuration, so that who
 * knows what PCR0 is made of knows it; what an enclave says of it over a gateway is a hint to people and proves nothing.
 */
export interface SealingClaims {
  provider: HsmProvider
  /** `holder-of-credentials`: the host of the enclave can open the sealed root by itself. */
  releasesTo: 'measured-image' | 'holder-of-credentials'
  /** What proves to the enclave that the key lives in hardware. `cavium-v2`: a statement of Google's HSMs, verified before use. */
  keyAttestation: 'none' | 'not-verified' | 'cavium-v2'
}
export const SealingClaims = z.toZod<SealingClaims>()(
  z.strictObject({
    provider: HsmProvider,
    releasesTo: z.enum(['measured-image', 'holder-of-credentials']),
    keyAttestation: z.enum(['none', 'not-verified', 'cavium-v2']),
  }),
)
