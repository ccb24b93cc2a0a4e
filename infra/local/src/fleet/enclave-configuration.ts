import { readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Release } from '@quorate/enclave/policy/release'
import { MeasuredConfiguration } from '../enclave/configuration.ts'
import { arnOf, developmentKeyId } from '../kms/key-store.ts'
import { FleetError } from './events.ts'
import { freePort } from './ports.ts'

/**
 * Whom an enclave of this state folder believes: certificates (PEM) of the attestation root, and of KMS's authority for TLS; and
 * whose manifests it takes, null for nobody's.
 */
export type Believed = Readonly<{ root: string; kmsAuthority: string; release?: Release | null }>

/**
 * The measured configuration in this file, which stays as it is as long as it fits the folder: another one makes another image, at the same
 * port of KMS. Throws a `FleetError` for one of an older release, since no enclave of this one would open what was sealed under it.
 */
export async function keepConfiguration(
  path: string,
  { root, kmsAuthority, release = null }: Believed,
): Promise<MeasuredConfiguration> {
  const kept = await readFile(path, 'utf8').catch(() => null)
  const port = kept === null ? await freePort() : new URL(read(kept, path).kms.endpoint).port
  const kms = { endpoint: `https://localhost:${port}`, keyArn: arnOf(developmentKeyId), region: 'local-1' }
  const configuration = { roots: [root], release, kms: { ...kms, authorities: [kmsAuthority] } }
  const text = JSON.stringify(MeasuredConfiguration.parse(configuration), null, 2)
  if (text !== kept) await writeFile(path, text, { mode: 0o600 })
  return configuration
}

function read(text: string, path: string): MeasuredConfiguration {
  try {
    return MeasuredConfiguration.parse(JSON.parse(text))
  } catch {
    throw new FleetError(
      `${path} is of another release, whose enclaves would be others. Begin anew: rm -r ${dirname(path)}`,
    )
  }
}
