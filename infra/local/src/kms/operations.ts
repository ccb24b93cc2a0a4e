import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { permit, requireEnabled, type Ask } from './access.ts'
import { decrypt, encrypt } from './ciphertext.ts'
import { sealToRecipient } from './cms-writer.ts'
import type { HeldKey, KeyStore } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import { admitRecipient, Recipient, type Attested } from './recipient.ts'

/** `roots`: certificates (PEM) under which documents must be. `now` in ms. */
export type Desk = Readonly<{ keys: KeyStore; roots: readonly string[]; now: () => number }>

/** `principal`: the ARN of who asks. */
type Operation = (desk: Desk, principal: string, request: unknown) => Promise<object>

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

/** What the stand-in does of KMS, by the operation's name in `X-Amz-Target`. */
export const operations: Readonly<Record<string, Operation>> = {
  GenerateDataKey: async (desk, principal, request) => {
    const { KeyId, KeySpec, EncryptionContext: context, Recipient } = parse(GenerateDataKey, request)
    const attested = await attestedBy(desk, Recipient)
    const key = desk.keys.key(KeyId)
    permit(key, askOf(desk, { principal, action: 'kms:GenerateDataKey', context, attested }))
    requireEnabled(key)
    const plaintext = randomBytes(KeySpec === 'AES_256' ? 32 : 16)
    const CiphertextBlob = base64(encrypt(key.arn, newest(key), plaintext, context))
    return { KeyId: key.arn, CiphertextBlob, ...deliver(plaintext, attested) }
  },

  Decrypt: async (desk, principal, request) => {
    const { KeyId, CiphertextBlob, EncryptionContext: context, Recipient } = parse(Decrypt, request)
    const attested = await attestedBy(desk, Recipient)
    const blob = Uint8Array.from(Buffer.from(CiphertextBlob, 'base64'))
    const key = desk.keys.ofCiphertext(blob)
    if (KeyId !== undefined && desk.keys.key(KeyId).arn !== key.arn) throw new KmsError('IncorrectKeyException')
    permit(key, askOf(desk, { principal, action: 'kms:Decrypt', context, attested }))
    requireEnabled(key)
    const plaintext = decrypt(key.secrets, blob, context)
    return { KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT', ...deliver(plaintext, attested) }
  },

  /** No key takes part, so that no key policy is asked. At AWS the caller's own policies are; here everybody of the table may. */
  GenerateRandom: async (desk, _principal, request) => {
    const { NumberOfBytes, Recipient } = parse(GenerateRandom, request)
    const attested = await attestedBy(desk, Recipient)
    return deliver(randomBytes(NumberOfBytes), attested)
  },

  DescribeKey: (desk, principal, request) => {
    const key = desk.keys.key(parse(DescribeKey, request).KeyId)
    permit(key, askOf(desk, { principal, action: 'kms:DescribeKey', context: {}, attested: null }))
    const [, , , , AWSAccountId, resource = ''] = key.arn.split(':')
    const state = { Enabled: key.state === 'Enabled', KeyState: key.state }
    const kind = { KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: 'SYMMETRIC_DEFAULT' }
    const KeyMetadata = { AWSAccountId, Arn: key.arn, KeyId: resource.replace('key/', ''), ...state, ...kind }
    return Promise.resolve({ KeyMetadata })
  },
}

const attestedBy = async ({ roots, now }: Desk, recipient: Recipient | undefined): Promise<Attested | null> =>
  recipient === undefined ? null : admitRecipient(recipient, { roots, now: now() })

const askOf = ({ now }: Desk, ask: Omit<Ask, 'now'>): Ask => ({ ...ask, now: now() })

const newest = ({ secrets }: HeldKey): Uint8Array => {
  const [secret] = secrets
  if (secret === undefined) throw new KmsError('KMSInternalException')
  return secret
}

/** In an envelope to who attested himself, else open, as KMS does. Wipes the plaintext. */
function deliver(plaintext: Uint8Array, attested: Attested | null): object {
  try {
    if (attested === null) return { Plaintext: base64(plaintext) }
    return { CiphertextForRecipient: base64(sealToRecipient(plaintext, attested.publicKey)) }
  } finally {
    plaintext.fill(0)
  }
}

function parse<T>(schema: z.ZodType<T>, request: unknown): T {
  const parsed = schema.safeParse(request)
  if (!parsed.success) throw new KmsError('ValidationException')
  return parsed.data
}
