import { constants, createCipheriv, createHash, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto'
import { element, indefinite, integer, nothing, octetString, oid, sequence, set } from '../nsm/der.ts'

const sha256 = sequence(oid('2.16.840.1.101.3.4.2.1'), nothing)
const mgf1 = sequence(oid('1.2.840.113549.1.1.8'), sha256)
const oaep = sequence(oid('1.2.840.113549.1.1.7'), sequence(element(0xa0, sha256), element(0xa1, mgf1)))
const aes256Cbc = oid('2.16.840.1.101.3.4.1.42')
const data = oid('1.2.840.113549.1.7.1')
const envelopedData = oid('1.2.840.113549.1.7.3')

/**
 * `CiphertextForRecipient` as KMS writes it: CMS EnvelopedData version 2 in indefinite-length BER, one recipient, named by
 * the SHA-256 of its SPKI, RSAES-OAEP with SHA-256 twice, AES-256-CBC.
 */
export function sealToRecipient(plaintext: Uint8Array, recipient: KeyObject): Uint8Array {
  const [contentKey, iv] = [randomBytes(32), randomBytes(16)]
  const cipher = createCipheriv('aes-256-cbc', contentKey, iv)
  const content = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const oaepPadding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  const encryptedKey = publicEncrypt({ key: recipient, ...oaepPadding }, contentKey)
  contentKey.fill(0)
  const keyIdentifier = createHash('sha256')
    .update(recipient.export({ type: 'spki', format: 'der' }))
    .digest()
  const keyTransport = sequence(integer(2), element(0x80, keyIdentifier), oaep, octetString(encryptedKey))
  const encrypted = indefinite(0x30, data, sequence(aes256Cbc, octetString(iv)), indefinite(0xa0, octetString(content)))
  return indefinite(0x30, envelopedData, indefinite(0xa0, indefinite(0x30, integer(2), set(keyTransport), encrypted)))
}
