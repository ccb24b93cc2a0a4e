import * as z from 'zod/mini'
import { fromAws, Measurements } from '../wire/measurements.ts'
import { equalBytes } from './der.ts'
import { certificatesIn, Root } from './roots.ts'

/**
 * Whom to trust. `roots`: certificates as PEM or base64 DER, compared whole. `measurements`: the accepted sets; each names PCR0
 * at least, and a document fits a set when every PCR that the set names is equal. A set may be as AWS's tools print it.
 */
export interface TrustPolicy {
  roots: readonly string[]
  measurements: readonly Readonly<Record<string, string>>[]
}
export const TrustPolicy = z.toZod<TrustPolicy>()(
  z.strictObject({
    roots: z.readonly(z.array(Root).check(z.minLength(1))),
    measurements: z.readonly(
      z
        .array(
          z.pipe(
            z.transform(fromAws),
            z.readonly(Measurements.check(z.refine((set) => set['0'] !== undefined, 'each set names PCR0'))),
          ),
        )
        .check(z.minLength(1)),
    ),
  }),
)

/** The root's exact DER is one of the policy's. */
export const isTrustedRoot = (der: Uint8Array, policy: TrustPolicy): boolean =>
  policy.roots.some((root) => certificatesIn(root).some((trusted) => equalBytes(der, trusted)))

/** An enclave in debug mode has zeros for its image (PCR0 to 2); its console is open to the parent instance. */
export const isDebug = (pcrs: Measurements): boolean => ['0', '1', '2'].some((index) => /^0*$/.test(pcrs[index] ?? ''))

/** One of the policy's sets fits, whole values compared. */
export const isAccepted = (pcrs: Measurements, policy: TrustPolicy): boolean =>
  policy.measurements.some((set) => Object.entries(set).every(([index, pcr]) => pcrs[index] === pcr))

/** What a receipt says of its host's image (PCR0 to 2, no others) is what one of the policy's sets says of it. */
export const isAcceptedImage = (pcrs: Measurements, policy: TrustPolicy): boolean =>
  policy.measurements.some((set) =>
    ['0', '1', '2'].every((index) => set[index] === undefined || pcrs[index] === set[index]),
  )
