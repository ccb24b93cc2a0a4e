import { randomBytes } from 'node:crypto'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { z } from 'zod'
import { sealToRecipient } from './cms-writer.ts'
import { KmsError } from './kms-error.ts'
import { decrypt, encrypt, type KeyStore } from './key-store.ts'
import { admitRecipient, Recipient } from './recipient.ts'

export type Desk = Readonly<{ keys: KeyStore; policy: TrustPolicy; now: () => number }>

type Operation = (desk: Desk, request: unknown) => object | Promise<object>

const KeyId = z.string().min(1).max(2048)
const EncryptionContext = z.record(z.string(), z.string()).default({})
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

const GenerateDataKey = z.strictObject({
  KeyId,
  KeySpec: z.enum(['AES_256', 'AES_128']),
  EncryptionContext,
  Recipient: Recipient.optional(),
})

const Decrypt = z.strictObject({
  KeyId: KeyId.optional(),
  CiphertextBlob: z.base64(),
  EncryptionContext,
  EncryptionAlgorithm: z.literal('SYMMETRIC_DEFAULT').optional(),
  Recipient: Recipient.optional(),
})

const GenerateRandom = z.strictObject({ NumberOfBytes: z.int().min(1).max(1024), Recipient: Recipient.optional() })

const DescribeKey = z.strictObject({ KeyId })

/** What the stand-in does of KMS, by the operation's name in `X-Amz-Target`. Plaintexts leave it in envelopes only. */
export const operations: Readonly<Record<string, Operation>> = {
  GenerateDataKey: async (desk, request) => {
    const { KeyId, KeySpec, EncryptionContext, Recipient } = parse(GenerateDataKey, request)
    const recipient = await admitRecipient(Recipient, { policy: desk.policy, now: desk.now() })
    const key = desk.keys.key(KeyId)
    const plaintext = randomBytes(KeySpec === 'AES_256' ? 32 : 16)
    const CiphertextBlob = base64(encrypt(key, plaintext, EncryptionContext))
    return { KeyId: key.arn, CiphertextBlob, CiphertextForRecipient: envelope(plaintext, recipient) }
  },

  Decrypt: async (desk, request) => {
    const { KeyId, CiphertextBlob, EncryptionContext, Recipient } = parse(Decrypt, request)
    const recipient = await admitRecipient(Recipient, { policy: desk.policy, now: desk.now() })
    const blob = Uint8Array.from(Buffer.from(CiphertextBlob, 'base64'))
    const key = desk.keys.ofCiphertext(blob)
    if (KeyId !== undefined && desk.keys.key(KeyId).arn !== key.arn) throw new KmsError('IncorrectKeyException')
    const plaintext = decrypt(key, blob, EncryptionContext)
    const EncryptionAlgorithm = 'SYMMETRIC_DEFAULT'
    return { KeyId: key.arn, EncryptionAlgorithm, CiphertextForRecipient: envelope(plaintext, recipient) }
  },

  GenerateRandom: async (desk, request) => {
    const { NumberOfBytes, Recipient } = parse(GenerateRandom, request)
    const recipient = await admitRecipient(Recipient, { policy: desk.policy, now: desk.now() })
    return { CiphertextForRecipient: envelope(randomBytes(NumberOfBytes), recipient) }
  },

  DescribeKey: (desk, request) => {
    const { arn } = desk.keys.key(parse(DescribeKey, request).KeyId)
    const [, , , , AWSAccountId, resource = ''] = arn.split(':')
    const state = { Enabled: true, KeyState: 'Enabled', KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'SYMMETRIC_DEFAULT' }
    return { KeyMetadata: { AWSAccountId, Arn: arn, KeyId: resource.replace('key/', ''), ...state } }
  },
}

/** Wipes the plaintext. */
function envelope(plaintext: Uint8Array, recipient: Parameters<typeof sealToRecipient>[1]): string {
  try {
    return base64(sealToRecipient(plaintext, recipient))
  } finally {
    plaintext.fill(0)
  }
}

function parse<T>(schema: z.ZodType<T>, request: unknown): T {
  const parsed = schema.safeParse(request)
  if (!parsed.success) throw new KmsError('ValidationException')
  return parsed.data
}
