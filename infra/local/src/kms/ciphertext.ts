import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KmsError } from './kms-error.ts'

export type EncryptionContext = Readonly<Record<string, string>>

/*
 * A ciphertext blob: version 1, length of the ARN, ARN, nonce (12), AES-256-GCM ciphertext and tag. What stands before
 * the nonce and the encryption context are its associated data. Which backing key made it is not written in it.
 */
const nonceLength = 12
const tagLength = 16

const invalid = (): never => {
  throw new KmsError('InvalidCiphertextException')
}

/** Pairs in the order of their names: KMS takes a context as a set. */
const associatedData = (header: Uint8Array, context: EncryptionContext): Uint8Array =>
  Buffer.concat([header, Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))))])

/** `secret`: the backing key, 32 bytes. */
export function encrypt(
  arn: string,
  secret: Uint8Array,
  plaintext: Uint8Array,
  context: EncryptionContext,
): Uint8Array {
  const header = Buffer.concat([Uint8Array.of(1, arn.length), Buffer.from(arn)])
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(associatedData(header, context))
  return Uint8Array.from(Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]))
}

/** Throws `InvalidCiphertextException` unless one of these backing keys made the blob for this context. */
export function decrypt(secrets: readonly Uint8Array[], blob: Uint8Array, context: EncryptionContext): Uint8Array {
  const { header, nonce, sealed, tag } = readBlob(blob)
  for (const secret of secrets) {
    const decipher = createDecipheriv('aes-256-gcm', secret, nonce, { authTagLength: tagLength })
    decipher.setAAD(associatedData(header, context)).setAuthTag(tag)
    const plaintext = decipher.update(sealed)
    try {
      return Uint8Array.from(Buffer.concat([plaintext, decipher.final()]))
    } catch {
      plaintext.fill(0)
    }
  }
  return invalid()
}

/** The ARN that a blob names. Throws `InvalidCiphertextException` for what is no blob. */
export const arnOfCiphertext = (blob: Uint8Array): string => readBlob(blob).arn

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
