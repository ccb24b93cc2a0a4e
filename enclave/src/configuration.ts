import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { Release } from './policy/release.ts'

const Certificate = z.string().refine(isCertificate, 'a certificate as PEM')
/** A vsock port. */
const Port = z.int().min(1).max(0xffff_fffe)

/**
 * What decides whom an enclave believes, and where it finds it. It lies beside the code and is measured with it (PCR0 and PCR2),
 * so that a host that changes it makes another enclave.
 */
export const MeasuredConfiguration = z
  .strictObject({
    /** Under which peers must attest. For AWS: the root G1 of Nitro Enclaves. */
    roots: z.array(Certificate).min(1),
    /** Whose manifests say of which images peers may be. Null: of this very image only. */
    release: Release.nullable().default(null),
    kms: z.strictObject({
      endpoint: z.url({ protocol: /^https$/ }),
      region: z.string().regex(/^[a-z0-9-]{1,32}$/),
      keyArn: z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[0-9A-Za-z-]{1,64}$/),
      /** Under which the endpoint's certificate must be. For AWS: the roots of Amazon Trust Services. */
      authorities: z.array(Certificate).min(1),
    }),
    /** On which the enclave listens, and under which its parent has proxies to KMS and to the metadata service. */
    ports: z.strictObject({ listen: Port, kms: Port, metadata: Port }),
  })
  .refine(({ kms }) => kms.keyArn.split(':')[3] === kms.region, 'the key is of another region')
export type MeasuredConfiguration = z.infer<typeof MeasuredConfiguration>

/** Reads the file's JSON. Throws what zod or JSON.parse throw. */
export const readConfiguration = (json: string): MeasuredConfiguration => MeasuredConfiguration.parse(JSON.parse(json))

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
