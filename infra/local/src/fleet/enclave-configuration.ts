import { readFile, writeFile } from 'node:fs/promises'
import type { Release } from '@quorate/enclave/policy/release'
import { MeasuredConfiguration } from '../enclave/configuration.ts'
import { arnOf, developmentKeyId } from '../kms/key-store.ts'
import { freePort } from './ports.ts'

/**
 * Whom an enclave of this state folder believes: certificates (PEM) of the attestation root, and of KMS's authority for TLS; and
 * whose manifests it takes, null for nobody's.
 */
export type Believed = Readonly<{ root: string; kmsAuthority: string; release?: Release | null }>

/**
 * The measured configuration in this file, which stays as it is as long as it fits the folder: another one is another image to
 * clients. One of an older release, or with authorities that are gone, is made anew at the old port of KMS; the fleet then says
 * that its image is another.
 */
export async function keepConfiguration(
  path: string,
  { root, kmsAuthority, release = null }: Believed,
): Promise<MeasuredConfiguration> {
  const kept = await readFile(path, 'utf8').catch(() => null)
  const port = /"endpoint": "https?:\/\/[^"]*:(\d+)"/.exec(kept ?? '')?.[1] ?? (await freePort())
  const kms = { endpoint: `https://localhost:${port}`, keyArn: arnOf(developmentKeyId), region: 'local-1' }
  const configuration = { roots: [root], release, kms: { ...kms, authorities: [kmsAuthority] } }
  const text = JSON.stringify(MeasuredConfiguration.parse(configuration), null, 2)
  if (text !== kept) await writeFile(path, text, { mode: 0o600 })
  return configuration
}
