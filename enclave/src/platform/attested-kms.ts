import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  type DecryptCommandOutput,
  type KMSClient,
  type RecipientInfo,
} from '@aws-sdk/client-kms'
import { Refusal } from '@quorate/shared/errors'
import { openEnvelope } from './cms-envelope.ts'
import { askKms, type ClockDiffers } from './kms-client.ts'
import type { SealingKms } from './kms.ts'
import type { Nsm } from './nsm.ts'

/** `keyArn`: the one key that is used, by its whole ARN, since that is what KMS answers with. */
export type AttestedKmsParts = Readonly<{ nsm: Nsm; client: KMSClient; keyArn: string; clockDiffers?: ClockDiffers }>

/**
 * AWS KMS behind attestation: each call carries a fresh document of the NSM with an RSA key made for this call, and KMS answers to that
 * key. No plaintext key ever crosses the proxy, and an envelope of an earlier call opens nowhere. TLS must end in here: the envelope alone
 * authenticates nobody.
 */
export function createAttestedKms({ nsm, client, keyArn, clockDiffers }: AttestedKmsParts): SealingKms {
  return {
    generateDataKey: async (context) => {
      const { privateKey, recipient: Recipient } = await attest(nsm)
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: 'AES_256',
        EncryptionContext: context,
        Recipient,
      })
      const reply = await askKms(client, (options) => client.send(command, options), clockDiffers)
      if (reply.CiphertextBlob === undefined) throw new Refusal('kms.invalid')
      return { plaintext: openKey(reply, keyArn, privateKey), ciphertext: reply.CiphertextBlob, keyId: keyArn }
    },
    decrypt: async (ciphertext, context) => {
      const { privateKey, recipient: Recipient } = await attest(nsm)
      const command = new DecryptCommand({
        KeyId: keyArn,
        CiphertextBlob: ciphertext,
        EncryptionContext: context,
        Recipient,
      })
      const reply = await askKms(client, (options) => client.send(command, options), clockDiffers)
      return { plaintext: openKey(reply, keyArn, privateKey), keyId: keyArn }
    },
    random: async (length) => {
      const { privateKey, recipient: Recipient } = await attest(nsm)
      const command = new GenerateRandomCommand({ NumberOfBytes: length, Recipient })
      const reply = await askKms(client, (options) => client.send(command, options), clockDiffers)
      return openReply(reply, length, privateKey)
    },
  }
}

async function attest(nsm: Nsm): Promise<{ privateKey: KeyObject; recipient: RecipientInfo }> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
  const document = await nsm.attest({ publicKey: spki, userData: null, nonce: null })
  return { privateKey, recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: document } }
}

type Reply = Readonly<Pick<DecryptCommandOutput, 'KeyId' | 'Plaintext' | 'CiphertextForRecipient'>>

/** The key must be ours: whoever answers could have sealed under another. */
function openKey(reply: Reply, keyArn: string, privateKey: KeyObject): Uint8Array {
  if (reply.KeyId !== keyArn) throw new Refusal('kms.invalid')
  return openReply(reply, 32, privateKey)
}

/** With a recipient, KMS leaves the plaintext out or says it is empty (AWS, `Recipient` of Decrypt). Any other is not KMS's. */
function openReply({ Plaintext, CiphertextForRecipient }: Reply, length: number, privateKey: KeyObject): Uint8Array {
  if ((Plaintext?.length ?? 0) > 0 || CiphertextForRecipient === undefined) throw new Refusal('kms.invalid')
  const plaintext = openEnvelope(CiphertextForRecipient, privateKey)
  if (plaintext.length === length) return plaintext
  plaintext.fill(0)
  throw new Refusal('kms.invalid')
}
