import { randomBytes } from 'node:crypto'
import { crc32c } from '@quorate/enclave/platform/sealing/crc32c'
import * as z from 'zod'
import { GoogleError } from './google-error.ts'
import { decrypt, encrypt, versionOf, type KeyRing } from './key-ring.ts'

const Base64 = z.base64()
/** An int64 of proto3's JSON. */
const Checksum = z.string().regex(/^\d+$/)

const Encrypt = z.strictObject({
  plaintext: Base64,
  additionalAuthenticatedData: Base64.default(''),
  plaintextCrc32c: Checksum.optional(),
  additionalAuthenticatedDataCrc32c: Checksum.optional(),
})
const Decrypt = z.strictObject({
  ciphertext: Base64,
  additionalAuthenticatedData: Base64.default(''),
  ciphertextCrc32c: Checksum.optional(),
  additionalAuthenticatedDataCrc32c: Checksum.optional(),
})
/** An enum of proto3's JSON: its name, or its number, as Google's own clients send it. */
const Hsm = z.union([z.literal('HSM'), z.literal(2)])
const GenerateRandomBytes = z.strictObject({ lengthBytes: z.int().min(8).max(1024), protectionLevel: Hsm })

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const checksum = (bytes: Uint8Array): string => String(crc32c(bytes))

/** What the stub does of Cloud KMS, by the verb behind the resource's name. Each answers with the body. */
export const operations: Readonly<Record<string, (ring: KeyRing, name: string, request: unknown) => object>> = {
  encrypt: (ring, name, request) => {
    const asked = parse(Encrypt, request)
    const plaintext = readChecked('plaintext', asked.plaintext, asked.plaintextCrc32c)
    const associated = readAssociated(asked)
    const version = versionOf(ring, name)
    const ciphertext = encrypt(version, plaintext, associated)
    return {
      name: version.name,
      ciphertext: toBase64(ciphertext),
      ciphertextCrc32c: checksum(ciphertext),
      ...verified('verifiedPlaintextCrc32c', asked.plaintextCrc32c),
      ...verified('verifiedAdditionalAuthenticatedDataCrc32c', asked.additionalAuthenticatedDataCrc32c),
      protectionLevel: 'HSM',
    }
  },
  decrypt: (ring, name, request) => {
    const asked = parse(Decrypt, request)
    const ciphertext = readChecked('ciphertext', asked.ciphertext, asked.ciphertextCrc32c)
    const plaintext = decrypt(ring, name, ciphertext, readAssociated(asked))
    return {
      plaintext: toBase64(plaintext),
      plaintextCrc32c: checksum(plaintext),
      usedPrimary: true,
      protectionLevel: 'HSM',
    }
  },
  generateRandomBytes: (_ring, _location, request) => {
    const bytes = randomBytes(parse(GenerateRandomBytes, request).lengthBytes)
    return { data: toBase64(bytes), dataCrc32c: checksum(bytes) }
  },
}

/** `cryptoKeyVersions.get`. */
export function describeVersion(ring: KeyRing, name: string): object {
  const version = ring.get(name)
  if (version === undefined) throw new GoogleError('NOT_FOUND', `${name} not found.`)
  const { state, attestation } = version
  const fixed = { protectionLevel: 'HSM', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION', createTime: '2026-01-01T00:00:00Z' }
  return { name, state, ...fixed, ...(attestation === null ? {} : { attestation }) }
}

/** A false field is left out, as proto3 has it. */
const verified = (field: string, checksum: string | undefined) => (checksum === undefined ? {} : { [field]: true })

const readAssociated = (asked: z.infer<typeof Encrypt> | z.infer<typeof Decrypt>): Uint8Array =>
  readChecked(
    'additional_authenticated_data',
    asked.additionalAuthenticatedData,
    asked.additionalAuthenticatedDataCrc32c,
  )

function readChecked(field: string, base64: string, expected: string | undefined): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  if (expected === undefined || expected === checksum(bytes)) return bytes
  throw new GoogleError(
    'INVALID_ARGUMENT',
    `The checksum in field ${field}_crc32c did not match the data in field ${field}.`,
  )
}

function parse<T>(schema: z.ZodType<T>, request: unknown): T {
  const read = schema.safeParse(request)
  if (read.success) return read.data
  throw new GoogleError('INVALID_ARGUMENT', 'Invalid JSON payload received.')
}
