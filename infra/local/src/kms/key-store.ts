import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readPolicy, type Policy } from '@quorate/aws/policy-language/document'
import { arnOfCiphertext } from './ciphertext.ts'
import { KmsError } from './kms-error.ts'

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion'

/** A key as it is now. `secrets`: its backing keys (AES-256), the newest first; they never leave the stand-in. */
export type HeldKey = Readonly<{ arn: string; secrets: readonly Uint8Array[]; policy: Policy; state: KeyState }>

/** `keyId`: a UUID, as KMS has them. `policy`: a key policy in AWS's language. */
export type KeyOptions = Readonly<{ keyId: string; policy: unknown }>

/** Keys by id or ARN. Each throws `NotFoundException` for one that is not there. */
export type KeyStore = Readonly<{
  key: (keyId: string) => HeldKey
  ofCiphertext: (blob: Uint8Array) => HeldKey
  /** As PutKeyPolicy: at once, for the next call. Throws a plain Error for a policy that is not understood. */
  putPolicy: (keyId: string, policy: unknown) => void
  /** As DisableKey, EnableKey, ScheduleKeyDeletion and CancelKeyDeletion. Until the store is opened again. */
  setState: (keyId: string, state: KeyState) => void
  /** As the automatic rotation: a new backing key, and what the older ones sealed still opens. */
  rotate: (keyId: string) => Promise<void>
}>

/** The one key of a development fleet, as a key id of KMS. */
export const developmentKeyId = '00000000-0000-4000-8000-000000000001'

export const arnOf = (keyId: string): string =>
  keyId.startsWith('arn:') ? keyId : `arn:aws:kms:local-1:000000000000:key/${keyId}`

/** Opens the keys of this folder, one file each, readable by its owner alone; makes those that are missing. */
export async function openKeyStore(folder: string, keys: readonly KeyOptions[]): Promise<KeyStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const held = new Map<string, HeldKey>()
  const pathOf = (keyId: string) => join(folder, `${keyId.replace(/^.*\//, '')}.key`)
  const key = (keyId: string): HeldKey => {
    const found = held.get(arnOf(keyId))
    if (found === undefined) throw new KmsError('NotFoundException')
    return found
  }
  const change = (keyId: string, to: Partial<HeldKey>) => void held.set(arnOf(keyId), { ...key(keyId), ...to })
  for (const { keyId, policy } of keys) {
    const arn = arnOf(keyId)
    held.set(arn, { arn, secrets: await loadOrCreate(pathOf(keyId)), policy: readPolicy(policy), state: 'Enabled' })
  }
  return {
    key,
    ofCiphertext: (blob) => held.get(arnOfCiphertext(blob)) ?? invalid(),
    putPolicy: (keyId, policy) => change(keyId, { policy: readPolicy(policy) }),
    setState: (keyId, state) => change(keyId, { state }),
    rotate: async (keyId) => {
      const secrets = [Uint8Array.from(randomBytes(32)), ...key(keyId).secrets]
      await replace(pathOf(keyId), secrets)
      change(keyId, { secrets })
    },
  }
}

const invalid = (): never => {
  throw new KmsError('InvalidCiphertextException')
}

async function loadOrCreate(path: string): Promise<Uint8Array[]> {
  await writeFile(path, randomBytes(32), { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
  const bytes = Uint8Array.from(await readFile(path))
  if (bytes.length === 0 || bytes.length % 32 !== 0) throw new RangeError(`not a key: ${path}`)
  return Array.from({ length: bytes.length / 32 }, (_, at) => bytes.subarray(32 * at, 32 * (at + 1)))
}

async function replace(path: string, secrets: readonly Uint8Array[]): Promise<void> {
  await writeFile(`${path}.new`, Buffer.concat(secrets), { mode: 0o600 })
  await rename(`${path}.new`, path)
}
