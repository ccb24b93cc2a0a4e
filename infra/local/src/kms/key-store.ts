import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KmsError } from './kms-error.ts'

/** The keys of the stand-in: ARN → AES-256 key. They never leave it. */
export type KeyStore = Readonly<{ key: (keyId: string) => HeldKey; ofCiphertext: (blob: Uint8Array) => HeldKey }>
export type HeldKey = Readonly<{ arn: string; secret: Uint8Array }>
export type EncryptionContext = Readonly<Record<string, string>>

/** The one key of a development fleet, as a key id of KMS. */
export const developmentKeyId = '00000000-0000-4000-8000-000000000001'

export const arnOf = (keyId: string): string => `arn:aws:kms:local-1:000000000000:key/${keyId}`

/** Opens the keys of this folder, one file each, readable by its owner alone; makes those that are missing. */
export async function openKeyStore(folder: string, keyIds: readonly string[]): Promise<KeyStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const keys = new Map<string, HeldKey>()
  for (const keyId of keyIds)
    keys.set(arnOf(keyId), { arn: arnOf(keyId), secret: await loadOrCreate(join(folder, `${keyId}.key`)) })
  const key = (keyId: string): HeldKey => {
    const held = keys.get(keyId.startsWith('arn:') ? keyId : arnOf(keyId))
    if (held === undefined) throw new KmsError('NotFoundException')
    return held
  }
  return { key, ofCiphertext: (blob) => keys.get(readBlob(blob).arn) ?? invalid() }
}

async function loadOrCreate(path: string): Promise<Uint8Array> {
  await writeFile(path, randomBytes(32), { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
  const secret = Uint8Array.from(await readFile(path))
  if (secret.length !== 32) throw new RangeError(`not a key: ${path}`)
  return secret
}

/*
 * A ciphertext blob: version 1, length of the ARN, ARN, nonce (12), AES-256-GCM ciphertext and tag. What stands before
 * the nonce and the encryption context are its associated data.
 */
const nonceLength = 12
const tagLength = 16

const invalid = (): never => {
  throw new KmsError('InvalidCiphertextException')
}

/** Pairs in the order of their names: KMS takes a context as a set. */
const associatedData = (header: Uint8Array, context: EncryptionContext): Uint8Array =>
  Buffer.concat([header, Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))))])

export function encrypt({ arn, secret }: HeldKey, plaintext: Uint8Array, context: EncryptionContext): Uint8Array {
  const header = Buffer.concat([Uint8Array.of(1, arn.length), Buffer.from(arn)])
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(associatedData(header, context))
  return Uint8Array.from(Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]))
}

/** Throws `InvalidCiphertextException` unless this key made the blob for this context. */
export function decrypt({ secret }: HeldKey, blob: Uint8Array, context: EncryptionContext): Uint8Array {
  const { header, nonce, sealed, tag } = readBlob(blob)
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, nonce, { authTagLength: tagLength })
    decipher.setAAD(associatedData(header, context)).setAuthTag(tag)
    return Uint8Array.from(Buffer.concat([decipher.update(sealed), decipher.final()]))
  } catch {
    return invalid()
  }
}

function readBlob(blob: Uint8Array) {
  const end = 2 + (blob[1] ?? 0)
  if (blob[0] !== 1 || blob.length < end + nonceLength + tagLength) return invalid()
  return {
    arn: Buffer.from(blob.subarray(2, end)).toString(),
    header: blob.subarray(0, end),
    nonce: blob.subarray(end, end + nonceLength),
    sealed: blob.subarray(end + nonceLength, -tagLength),
    tag: blob.subarray(-tagLength),
  }
}
