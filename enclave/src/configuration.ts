import { z } from 'zod'
import { Certificate, Port, SealingConfiguration } from './platform/sealing/configuration.ts'
import { Release } from './policy/release.ts'

/**
 * What decides whom an enclave believes, and where it finds it. It lies beside the code and is measured with it (PCR0 and PCR2),
 * so that a host that changes it makes another enclave.
 */
export const MeasuredConfiguration = z.strictObject({
  /** Under which peers must attest. For AWS: the root G1 of Nitro Enclaves. */
  roots: z.array(Certificate).min(1),
  /** Whose manifests say of which images peers may be. Null: of this very image only. */
  release: Release.nullable().default(null),
  sealing: SealingConfiguration,
  /** On which the enclave listens, and under which its parent has proxies to the key service and to the metadata service. */
  ports: z.strictObject({ listen: Port, kms: Port, metadata: Port }),
})
export type MeasuredConfiguration = z.infer<typeof MeasuredConfiguration>

/** Reads the file's JSON. Throws what zod or JSON.parse throw. */
export const readConfiguration = (json: string): MeasuredConfiguration => MeasuredConfiguration.parse(JSON.parse(json))
