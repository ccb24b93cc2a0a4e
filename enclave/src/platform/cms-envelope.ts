import { constants, createDecipheriv, createHash, createPublicKey, privateDecrypt, type KeyObject } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'
import { readBer, type Ber } from './ber.ts'

const tags = {
  integer: 0x02,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  choice0: 0x80,
  explicit0: 0xa0,
  explicit1: 0xa1,
}
const oids = {
  envelopedData: '2a864886f70d010703',
  data: '2a864886f70d010701',
  rsaesOaep: '2a864886f70d010107',
  mgf1: '2a864886f70d010108',
  sha256: '608648016503040201',
  aes256Cbc: '60864801650304012a',
}
const largestEnvelope = 8192

/**
 * Opens KMS's `CiphertextForRecipient`: CMS EnvelopedData version 2 (RFC 5652 §6) with one recipient, named by the
 * SHA-256 of its SPKI; the content key under RSAES-OAEP with SHA-256 for hash and MGF1 (RFC 8017 §7.1), the content under
 * AES-256-CBC. Throws `kms.invalid` for anything else. The caller owns and wipes the plaintext.
 *
 * An envelope authenticates nobody: whoever has the public key can make one.
 */
export function openEnvelope(envelope: Uint8Array, recipient: KeyObject): Uint8Array {
  let contentKey: Buffer | undefined
  try {
    if (envelope.length > largestEnvelope) throw new RangeError()
    const { keyIdentifier, encryptedKey, iv, ciphertext } = readEnvelope(readBer(envelope))
    if (!Buffer.from(keyIdentifier).equals(identifierOf(recipient))) throw new RangeError()
    contentKey = openContentKey(encryptedKey, recipient)
    return openContent(ciphertext, contentKey, iv)
  } catch {
    // One refusal for all, so that padding tells nothing.
    throw new Refusal('kms.invalid')
  } finally {
    contentKey?.fill(0)
  }
}

const identifierOf = (key: KeyObject): Buffer =>
  createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest()

const openContentKey = (encryptedKey: Uint8Array, key: KeyObject): Buffer =>
  privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, encryptedKey)

function openContent(ciphertext: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-256-cbc', key, iv)
  const [head, tail] = [decipher.update(ciphertext), decipher.final()]
  const plaintext = new Uint8Array(head.length + tail.length)
  plaintext.set(head)
  plaintext.set(tail, head.length)
  head.fill(0)
  tail.fill(0)
  return plaintext
}

function readEnvelope(message: Ber) {
  const [type, content] = fields(message, tags.sequence, 2)
  expectOid(type, oids.envelopedData)
  const [enveloped] = fields(content, tags.explicit0, 1)
  const [version, recipients, encrypted] = fields(enveloped, tags.sequence, 3)
  expectVersion2(version)
  const [recipient] = fields(recipients, tags.set, 1)
  return { ...readRecipient(recipient), ...readEncryptedContent(encrypted) }
}

/** KeyTransRecipientInfo (RFC 5652 §6.2.1). */
function readRecipient(recipient: Ber | undefined) {
  const [version, identifier, algorithm, encryptedKey] = fields(recipient, tags.sequence, 4)
  expectVersion2(version)
  expectOaep(algorithm)
  return { keyIdentifier: bytes(identifier, tags.choice0), encryptedKey: bytes(encryptedKey, tags.octetString) }
}

function expectOaep(algorithm: Ber | undefined): void {
  const [oaep, parameters] = fields(algorithm, tags.sequence, 2)
  expectOid(oaep, oids.rsaesOaep)
  const [hash, maskGeneration] = fields(parameters, tags.sequence, 2)
  expectSha256(fields(hash, tags.explicit0, 1)[0])
  const [mgf1, maskHash] = fields(fields(maskGeneration, tags.explicit1, 1)[0], tags.sequence, 2)
  expectOid(mgf1, oids.mgf1)
  expectSha256(maskHash)
}

/** AlgorithmIdentifier of SHA-256, with NULL as its parameters or with none. */
function expectSha256(algorithm: Ber | undefined): void {
  const [sha256, parameters] = fields(algorithm, tags.sequence, algorithm?.parts.length === 1 ? 1 : 2)
  expectOid(sha256, oids.sha256)
  if (parameters !== undefined) bytes(parameters, tags.null)
}

/** EncryptedContentInfo (RFC 5652 §6.1). Its content is [0] IMPLICIT OCTET STRING, whole or in pieces. */
function readEncryptedContent(encrypted: Ber | undefined) {
  const [type, algorithm, content] = fields(encrypted, tags.sequence, 3)
  expectOid(type, oids.data)
  const [cipher, iv] = fields(algorithm, tags.sequence, 2)
  expectOid(cipher, oids.aes256Cbc)
  const pieces = content?.tag === tags.choice0 ? [content.contents] : piecesOf(content)
  return { iv: bytes(iv, tags.octetString), ciphertext: Buffer.concat(pieces) }
}

const piecesOf = (content: Ber | undefined): Uint8Array[] =>
  fields(content, tags.explicit0, content?.parts.length ?? 0).map((piece) => bytes(piece, tags.octetString))

function fields(element: Ber | undefined, tag: number, count: number): readonly Ber[] {
  if (element?.tag !== tag || element.parts.length !== count) throw new RangeError()
  return element.parts
}

function bytes(element: Ber | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new RangeError()
  return element.contents
}

function expectOid(element: Ber | undefined, oid: string): void {
  if (Buffer.from(bytes(element, tags.oid)).toString('hex') !== oid) throw new RangeError()
}

function expectVersion2(element: Ber | undefined): void {
  const version = bytes(element, tags.integer)
  if (version.length !== 1 || version[0] !== 2) throw new RangeError()
}
