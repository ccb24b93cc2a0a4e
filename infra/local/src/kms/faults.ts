import { createPublicKey, randomBytes } from 'node:crypto'
import { openDocument } from '@quorate/shared/attestation/verify'
import * as z from 'zod'
import { sealToRecipient } from './cms-writer.ts'
import type { KmsErrorName } from './kms-error.ts'

/** What goes wrong. `hanging`: no answer ever. `stalling`: an answer that begins and does not end. `lying`: a good answer is exchanged for another one on its way. */
export type Fault =
  | Readonly<{ name: 'refusing'; error: KmsErrorName }>
  | Readonly<{ name: 'hanging' }>
  | Readonly<{ name: 'stalling' }>
  | Readonly<{ name: 'lying'; lie: Lie }>

/** From the good answer and the request to what is answered. */
export type Lie = (reply: object, request: unknown) => object

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** What somebody could answer who sat between KMS and an enclave whose TLS ended at him. */
export const lies = {
  /** In the name of another key. */
  anotherKey:
    (arn: string): Lie =>
    (reply) => ({ ...reply, KeyId: arn }),
  emptyPlaintext: ((reply) => ({ ...reply, Plaintext: '' })) satisfies Lie,
  plaintextToo: ((reply) => ({ ...reply, Plaintext: base64(randomBytes(32)) })) satisfies Lie,
  /** An envelope (base64) that was seen before. */
  replay:
    (envelope: string): Lie =>
    (reply) => ({ ...reply, CiphertextForRecipient: envelope }),
  /** An envelope around a plaintext of the liar's own, to the key in the request's document. */
  forgery:
    (plaintext: Uint8Array): Lie =>
    (reply, request) => ({ ...reply, CiphertextForRecipient: base64(forge(plaintext, request)) }),
}

const Attested = z.looseObject({ Recipient: z.looseObject({ AttestationDocument: z.base64() }) })

/** The recipient's public key stands in the document for everybody to read. */
function forge(plaintext: Uint8Array, request: unknown): Uint8Array {
  const { AttestationDocument } = Attested.parse(request).Recipient
  const { publicKey } = openDocument(Uint8Array.from(Buffer.from(AttestationDocument, 'base64'))).payload
  return sealToRecipient(plaintext, createPublicKey({ key: Buffer.from(publicKey ?? []), format: 'der', type: 'spki' }))
}
