import { Root } from '@quorate/shared/attestation/roots'
import * as z from 'zod'
import { Port, SealingConfiguration } from './platform/sealing/configuration.ts'
import { Release } from './policy/release.ts'

/**
 * What decides whom an enclave believes, and where it finds it. It lies beside the code and is measured with it (PCR0 and PCR2),
 * so that a host that changes it makes another enclave.
 */
export const MeasuredConfiguration = z.strictObject({
  /** Under which peers must attest. For AWS: the root G1 of Nitro Enclaves. */
  roots: z.array(Root).min(1),
  /** Whose manifests say of which images peers may be. Null: of this very image only. */
  release: Release.nullable().default(null),
  sealing: SealingConfiguration,
  /** On which the enclave listens, and under which its parent has proxies to the key service and to the metadata service. */
  ports: z.strictObject({ listen: Port, kms: Port, metadata: Port }),
})
export type MeasuredConfiguration = z.infer<typeof MeasuredConfiguration>

/** Reads the JSON of `file`. Throws a plain Error that names the file, and what in it is wrong. */
export function readConfiguration(json: string, file = 'configuration.json'): MeasuredConfiguration {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new Error(`${file} is not JSON`)
  }
  const read = MeasuredConfiguration.safeParse(value)
  if (read.success) return read.data
  const issues = read.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`)
  throw new Error([`${file} is not the configuration of an enclave:`, ...issues].join('\n'))
}
