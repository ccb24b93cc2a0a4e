import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto'
import { decodeForeign, encode } from '@quorate/shared/crypto/cbor'
import { es384, readCoseSign1, sigStructure } from '@quorate/shared/attestation/cose'
import * as z from 'zod'
import { measureCertificate } from './measure.ts'

/** AWS's builder is written in Rust, whose byte vectors become CBOR arrays of numbers. */
const Octets = z.array(z.int().min(0).max(255)).transform((octets) => Buffer.from(octets))
const Fields = z.instanceof(Map).transform((map) => Object.fromEntries(map as Map<string, unknown>))
const Section = z.tuple([Fields.pipe(z.strictObject({ signing_certificate: Octets, signature: Octets }))])
const Payload = Fields.pipe(z.strictObject({ register_index: z.literal(0), register_value: Octets }))

const dsaEncoding = 'ieee-p1363'

/** Whoever signed, and PCR8. Whether the certificate is trusted and in date, is for the reader to judge. */
export type Signer = Readonly<{ certificate: X509Certificate; pcr8: string }>

/** Opens a signature section: one COSE_Sign1 by ES384 over PCR0. Throws unless its certificate's key signed exactly `pcr0`. */
export function verifySignature(section: Uint8Array, pcr0: string): Signer {
  const [{ signing_certificate: pem, signature }] = Section.parse(decodeForeign(section))
  const certificate = new X509Certificate(pem)
  const message = readCoseSign1(signature)
  const { register_value: signed } = Payload.parse(decodeForeign(message.payload))
  if (signed.toString('hex') !== pcr0) throw new Error('an EIF whose signature is over another image')
  const key = certificate.publicKey
  const valid = isP384(key) && verify('sha384', message.signed, { key, dsaEncoding }, message.signature)
  if (!valid) throw new Error('an EIF whose signature does not verify')
  return { certificate, pcr8: measureCertificate(certificate.raw) }
}

/** A signature section over PCR0. Certificate and key are PEM; throws unless the key is on P-384 and the certificate's. */
export function signPcr0(pcr0: string, pem: string, privateKey: string): Uint8Array {
  const key = createPrivateKey(privateKey)
  if (!isP384(key) || !new X509Certificate(pem).checkPrivateKey(key)) {
    throw new Error('an EIF is signed with the P-384 key of its certificate')
  }
  const payload = encode({ register_index: 0, register_value: [...Buffer.from(pcr0, 'hex')] })
  const signature = sign('sha384', sigStructure(payload), { key, dsaEncoding })
  const message = encode([es384, new Map(), payload, signature])
  return encode([{ signing_certificate: [...Buffer.from(pem)], signature: [...message] }])
}

const isP384 = (key: X509Certificate['publicKey']): boolean => key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
