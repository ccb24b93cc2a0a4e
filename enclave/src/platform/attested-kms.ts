import { generateKeyPair, type KeyObject } from 'node:crypto'
import type { Agent } from 'node:https'
import { promisify } from 'node:util'
import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  KMSClient,
  KMSServiceException,
  type DecryptCommandOutput,
  type KMSClientConfig,
  type RecipientInfo,
} from '@aws-sdk/client-kms'
import { Refusal } from '@quorate/shared/errors'
import { openEnvelope } from './cms-envelope.ts'
import type { SealingKms } from './kms.ts'
import type { Nsm } from './nsm.ts'

/** `keyArn`: the one key that is used, by its whole ARN, since that is what KMS answers with. */
export type AttestedKmsParts = Readonly<{ nsm: Nsm; client: KMSClient; keyArn: string }>

const attempts = 3
const connectTimeout = 3_000
const requestTimeout = 5_000
/** For a call with all its attempts, in ms. */
const deadline = 20_000

type ClientSettings = Readonly<Pick<KMSClientConfig, 'region' | 'credentials' | 'endpoint'> & { agent?: Agent }>

/**
 * The AWS client with bounded patience. Where it connects to, by which agent, and with whose credentials is the composition's
 * choice.
 */
export const createKmsClient = ({ agent, ...settings }: ClientSettings): KMSClient =>
  new KMSClient({
    ...settings,
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: connectTimeout,
      requestTimeout,
      throwOnRequestTimeout: true,
      ...(agent === undefined ? {} : { httpsAgent: agent }),
    },
  })

/**
 * AWS KMS behind attestation: each call carries a fresh document of the NSM with an RSA key made in this process, and KMS answers
 * to that key. No plaintext key ever crosses the proxy. TLS must end in here: the envelope alone authenticates nobody.
 */
export function createAttestedKms({ nsm, client, keyArn }: AttestedKmsParts): SealingKms {
  let recipientKey: Promise<RecipientKey> | undefined

  const attest = async (): Promise<{ privateKey: KeyObject; recipient: RecipientInfo }> => {
    recipientKey ??= makeRecipientKey()
    const { privateKey, spki } = await recipientKey
    const document = await nsm.attest({ publicKey: spki, userData: null, nonce: null })
    return { privateKey, recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: document } }
  }

  return {
    generateDataKey: async (context) => {
      const { privateKey, recipient } = await attest()
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: 'AES_256',
        EncryptionContext: context,
        Recipient: recipient,
      })
      const reply = await ask((abortSignal) => client.send(command, { abortSignal }))
      if (reply.CiphertextBlob === undefined) throw new Refusal('kms.invalid')
      return { plaintext: openKey(reply, keyArn, privateKey), ciphertext: reply.CiphertextBlob, keyId: keyArn }
    },
    decrypt: async (ciphertext, context) => {
      const { privateKey, recipient } = await attest()
      const command = new DecryptCommand({
        KeyId: keyArn,
        CiphertextBlob: ciphertext,
        EncryptionContext: context,
        Recipient: recipient,
      })
      const reply = await ask((abortSignal) => client.send(command, { abortSignal }))
      return { plaintext: openKey(reply, keyArn, privateKey), keyId: keyArn }
    },
    random: async (length) => {
      const { privateKey, recipient } = await attest()
      const command = new GenerateRandomCommand({ NumberOfBytes: length, Recipient: recipient })
      const reply = await ask((abortSignal) => client.send(command, { abortSignal }))
      return openReply(reply, length, privateKey)
    },
  }
}

type RecipientKey = Readonly<{ privateKey: KeyObject; spki: Uint8Array }>

async function makeRecipientKey(): Promise<RecipientKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return { privateKey, spki: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })) }
}

type Reply = Readonly<Pick<DecryptCommandOutput, 'KeyId' | 'Plaintext' | 'CiphertextForRecipient'>>

function openKey(reply: Reply, keyArn: string, privateKey: KeyObject): Uint8Array {
  if (reply.KeyId !== keyArn) throw new Refusal('kms.invalid')
  return openReply(reply, 32, privateKey)
}

/** A plaintext must not be there: KMS leaves it out when a recipient is named. */
function openReply({ Plaintext, CiphertextForRecipient }: Reply, length: number, privateKey: KeyObject): Uint8Array {
  if (Plaintext !== undefined || CiphertextForRecipient === undefined) throw new Refusal('kms.invalid')
  const plaintext = openEnvelope(CiphertextForRecipient, privateKey)
  if (plaintext.length === length) return plaintext
  plaintext.fill(0)
  throw new Refusal('kms.invalid')
}

const throttled = [
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
  'LimitExceededException',
  'RequestTimeout',
]

async function ask<T>(send: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await send(AbortSignal.timeout(deadline))
  } catch (error) {
    const refusal = error instanceof KMSServiceException && error.$fault === 'client' && !throttled.includes(error.name)
    throw new Refusal(refusal ? 'kms.denied' : 'kms.unavailable')
  }
}
