import { Release } from '@quorate/enclave/policy/release'
import * as z from 'zod'

/**
 * What decides whom an enclave believes. It is measured together with the code (PCR0 and PCR2), so that a host that
 * changes it makes another enclave.
 */
export const MeasuredConfiguration = z.strictObject({
  /** Root certificates (PEM) under which peers must attest. */
  roots: z.array(z.string().min(1)).min(1),
  /** Whose manifests say of which images peers may be. Null: of this very image only. */
  release: Release.nullable().default(null),
  kms: z.strictObject({
    /** Its port is on the loopback, its name is what the certificate must be for. */
    endpoint: z.url({ protocol: /^https$/ }),
    keyArn: z.string().startsWith('arn:'),
    region: z.string().min(1),
    /** Under which (PEM) the endpoint's certificate must be. */
    authorities: z.array(z.string().min(1)).min(1),
  }),
})
export type MeasuredConfiguration = z.infer<typeof MeasuredConfiguration>
