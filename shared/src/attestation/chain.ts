import { readCertificate, type Certificate } from './certificate.ts'
import { equalBytes, refuse } from './der.ts'

/** A chain whose names, constraints and usages fit, from the root down. Its signatures are not checked yet. */
export type Chain = Readonly<{
  root: Certificate
  leaf: Certificate
  certificates: readonly Certificate[]
  /** In ms: the time during which every certificate of it is valid. */
  notBefore: number
  notAfter: number
}>

const longest = 8

/**
 * Reads the bundle of an attestation document (root first) and its leaf, and asks everything of them that needs no
 * key: who is a CA, who may sign what, how long the path may be, whose issuer is whose subject (RFC 5280 §6.1).
 */
export function readChain(leafDer: Uint8Array, cabundle: readonly Uint8Array[]): Chain {
  if (cabundle.length < 1 || cabundle.length > longest) return refuse()
  const authorities = cabundle.map(readCertificate)
  const leaf = readCertificate(leafDer)
  if (leaf.ca || leaf.signsCertificates || !leaf.signsDocuments) return refuse()
  authorities.forEach((authority, i) => {
    if (!authority.ca || !authority.signsCertificates || authority.pathLength < authorities.length - 1 - i) refuse()
  })
  const certificates = [...authorities, leaf]
  certificates.forEach((certificate, i) => {
    const issuer = certificates[Math.max(i - 1, 0)] ?? refuse()
    if (!equalBytes(certificate.issuer, issuer.subject)) refuse()
  })
  return {
    root: certificates[0] ?? refuse(),
    leaf,
    certificates,
    notBefore: Math.max(...certificates.map((certificate) => certificate.notBefore)),
    notAfter: Math.min(...certificates.map((certificate) => certificate.notAfter)),
  }
}

/** Throws unless each certificate below the root is signed by the one above it. Whether the root is trusted, is asked elsewhere. */
export async function verifyChain({ certificates }: Chain): Promise<void> {
  await Promise.all(
    certificates.slice(1).map((certificate, i) => {
      const issuer = certificates[i] ?? refuse()
      return verifyEs384(issuer.point, certificate.signature, certificate.tbs)
    }),
  )
}

/** Throws unless `signature` (r ‖ s) is ECDSA with SHA-384 on P-384 by the key `point` over `message`. */
export async function verifyEs384(point: Uint8Array, signature: Uint8Array, message: Uint8Array): Promise<void> {
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('raw', Uint8Array.from(point), { name: 'ECDSA', namedCurve: 'P-384' }, false, [
    'verify',
  ])
  const valid = await subtle.verify(
    { name: 'ECDSA', hash: 'SHA-384' },
    key,
    Uint8Array.from(signature),
    Uint8Array.from(message),
  )
  if (!valid) refuse()
}
