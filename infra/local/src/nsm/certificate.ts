import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { bitString, element, integer, octetString, oid, sequence, set, time, yes } from './der.ts'

/** Who can sign below: a certificate, the private key of it, and its subject as DER. */
export type Authority = Readonly<{ certificate: Uint8Array; privateKey: KeyObject; subject: Uint8Array }>

export type CertificateRequest = Readonly<{
  /** Attributes in the order in which they shall stand, such as [['CN', 'root']]. */
  subject: readonly (readonly [keyof typeof attributes, string])[]
  /** In ms. */
  notBefore: number
  notAfter: number
  /** null: not a CA. `undefined` pathLength: no limit. */
  ca: Readonly<{ pathLength?: number; mayRevoke: boolean }> | null
  /** Of a TLS server: its DNS names and IPv4 addresses. */
  names?: readonly string[]
}>

const attributes = { C: '2.5.4.6', ST: '2.5.4.8', L: '2.5.4.7', O: '2.5.4.10', OU: '2.5.4.11', CN: '2.5.4.3' }
const ecdsaWithSha384 = sequence(oid('1.2.840.10045.4.3.3'))

/** Issues a P-384 certificate with a fresh key, signed by `issuer`, or by itself without one; in the shape of AWS's. */
export function issueCertificate(request: CertificateRequest, issuer?: Authority): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
  const subject = nameOf(request.subject)
  const tbs = sequence(
    element(0xa0, integer(2)),
    integer(Uint8Array.from([0x01, ...randomBytes(15)])),
    ecdsaWithSha384,
    issuer?.subject ?? subject,
    sequence(time(request.notBefore), time(request.notAfter)),
    subject,
    spki,
    element(0xa3, sequence(...extensionsOf(request, spki))),
  )
  const signature = sign('sha384', tbs, issuer?.privateKey ?? privateKey)
  return { certificate: sequence(tbs, ecdsaWithSha384, bitString(signature)), privateKey, subject }
}

const nameOf = (parts: CertificateRequest['subject']): Uint8Array =>
  sequence(
    ...parts.map(([attribute, value]) =>
      set(sequence(oid(attributes[attribute]), element(attribute === 'C' ? 0x13 : 0x0c, Buffer.from(value)))),
    ),
  )

function extensionsOf({ ca, names }: CertificateRequest, spki: Uint8Array): Uint8Array[] {
  const keyUsage = ca === null ? bits(0xc0, 6) : ca.mayRevoke ? bits(0x86, 1) : bits(0x04, 2)
  const limit = ca?.pathLength === undefined ? [] : [integer(ca.pathLength)]
  const constraints = extension('2.5.29.19', true, ca === null ? sequence() : sequence(yes, ...limit))
  const usage = extension('2.5.29.15', ca !== null, keyUsage)
  if (names !== undefined) return [constraints, usage, serverAuthentication, alternativeNames(names)]
  if (ca?.mayRevoke !== true) return [constraints, usage]
  return [constraints, extension('2.5.29.14', false, octetString(keyIdentifier(spki))), usage]
}

const bits = (octet: number, unused: number): Uint8Array => bitString(Uint8Array.of(octet), unused)

const extension = (id: string, critical: boolean, value: Uint8Array): Uint8Array =>
  sequence(oid(id), ...(critical ? [yes] : []), octetString(value))

/** id-kp-serverAuth (RFC 5280 §4.2.1.12). */
const serverAuthentication = extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1')))

/** dNSName and iPAddress (RFC 5280 §4.2.1.6). */
const alternativeNames = (names: readonly string[]): Uint8Array =>
  extension('2.5.29.17', false, sequence(...names.map(alternativeName)))

function alternativeName(name: string): Uint8Array {
  if (isIPv4(name)) return element(0x87, Uint8Array.from(name.split('.').map(Number)))
  if (isIP(name) !== 0) throw new RangeError(`not written here: the IPv6 address ${name}`)
  return element(0x82, Buffer.from(name, 'ascii'))
}

/** SHA-1 of the public point (RFC 5280 §4.2.1.2), a name and no more. The point is the last 97 bytes of a P-384 SPKI. */
const keyIdentifier = (spki: Uint8Array): Uint8Array => createHash('sha1').update(spki.subarray(-97)).digest()
