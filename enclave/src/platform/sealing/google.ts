import { Refusal } from '@quorate/shared/errors'
import * as z from 'zod'
import { verifyStatement, type PinnedHsm } from './cavium-statement.ts'
import { crc32c } from './crc32c.ts'
import type { AskKeyService } from './key-service.ts'
import type { KeyWrapper } from './wrapping.ts'

/** `keyVersion`: the resource name of a version with protection level HSM. `hsm`: what its attestation must be, or null to ask for none. */
export type GoogleKey = Readonly<{ endpoint: string; keyVersion: string; hsm: PinnedHsm | null; clock: () => number }>

const Base64 = z.base64().max(8192)
/** An int64 of proto3's JSON, of which a CRC-32C needs 32 bits. */
const Checksum = z.string().regex(/^\d{1,10}$/)

const Encrypted = z.object({
  name: z.string(),
  ciphertext: Base64,
  ciphertextCrc32c: Checksum,
  verifiedPlaintextCrc32c: z.literal(true),
  verifiedAdditionalAuthenticatedDataCrc32c: z.literal(true),
  protectionLevel: z.literal('HSM'),
})
const Decrypted = z.object({ plaintext: Base64, plaintextCrc32c: Checksum, protectionLevel: z.literal('HSM') })
const RandomBytes = z.object({ data: Base64, dataCrc32c: Checksum })
const KeyVersion = z.object({
  name: z.string(),
  state: z.string(),
  protectionLevel: z.literal('HSM'),
  algorithm: z.literal('GOOGLE_SYMMETRIC_ENCRYPTION'),
  attestation: z.object({
    format: z.literal('CAVIUM_V2_COMPRESSED'),
    content: z.base64().max(32_768),
    certChains: z.object({
      caviumCerts: z.array(z.string()).max(8),
      googleCardCerts: z.array(z.string()).max(8),
      googlePartitionCerts: z.array(z.string()).max(8),
    }),
  }),
})

const Disabled = z.object({ error: z.object({ status: z.literal('FAILED_PRECONDITION') }) })

/** How Google says with a 400 that the version is not enabled. */
export const meansDisabledAtGoogle = (body: unknown): boolean => Disabled.safeParse(body).success

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const checksum = (bytes: Uint8Array): string => String(crc32c(bytes))

type Call = <T>(schema: z.ZodType<T>, resource: string, body?: object) => Promise<T>

const callGoogle =
  (ask: AskKeyService, endpoint: string): Call =>
  async (schema, resource, body) => {
    const url = `${endpoint}/v1/${resource}`
    const answer = schema.safeParse(await ask(body ? { method: 'POST', url, body } : { method: 'GET', url }))
    if (!answer.success) throw new Refusal('kms.invalid')
    return answer.data
  }

/** Holds the attestation of the key's version against the pinned HSM, until it has been good once. */
function createProof(call: Call, { keyVersion, hsm, clock }: GoogleKey): () => Promise<void> {
  let proved = hsm === null
  return async () => {
    if (proved || hsm === null) return
    const { name, state, attestation } = await call(KeyVersion, keyVersion)
    if (name !== keyVersion) throw new Refusal('kms.invalid')
    if (state !== 'ENABLED') throw new Refusal('kms.disabled')
    verifyStatement(attestation, hsm, clock())
    proved = true
  }
}

const associated = (bound: Uint8Array) => ({
  additionalAuthenticatedData: toBase64(bound),
  additionalAuthenticatedDataCrc32c: checksum(bound),
})

/** A key of Google Cloud KMS (REST v1). Who holds an access token for it can decrypt with it. */
export function wrapWithGoogle(ask: AskKeyService, key: GoogleKey): KeyWrapper {
  const { keyVersion } = key
  const [cryptoKey = ''] = keyVersion.split('/cryptoKeyVersions/')
  const [location = ''] = keyVersion.split('/keyRings/')
  const call = callGoogle(ask, key.endpoint)
  const prove = createProof(call, key)
  return {
    keyId: keyVersion,
    wrap: async (secret, bound) => {
      await prove()
      const answer = await call(Encrypted, `${keyVersion}:encrypt`, {
        plaintext: toBase64(secret),
        plaintextCrc32c: checksum(secret),
        ...associated(bound),
      })
      if (answer.name !== keyVersion) throw new Refusal('kms.invalid')
      return readChecked(answer.ciphertext, answer.ciphertextCrc32c)
    },
    /** The service finds the version in the ciphertext and does not say which; `bound` names the one that it was made for. */
    unwrap: async (wrapped, bound) => {
      await prove()
      const { plaintext, plaintextCrc32c } = await call(Decrypted, `${cryptoKey}:decrypt`, {
        ciphertext: toBase64(wrapped),
        ciphertextCrc32c: checksum(wrapped),
        ...associated(bound),
      })
      return readChecked(plaintext, plaintextCrc32c)
    },
    random: async (length) => {
      // The service gives 8 bytes or more.
      const body = { lengthBytes: Math.max(length, 8), protectionLevel: 'HSM' }
      const { data, dataCrc32c } = await call(RandomBytes, `${location}:generateRandomBytes`, body)
      return readChecked(data, dataCrc32c).subarray(0, length)
    },
  }
}

function readChecked(base64: string, expected: string): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  if (checksum(bytes) === expected) return bytes
  bytes.fill(0)
  throw new Refusal('kms.invalid')
}
