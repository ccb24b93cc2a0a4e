import { fromHex, toHex } from '../wire/bytes.ts'
import {
  equalBytes,
  expectTag,
  isTrue,
  readAll,
  readOctets,
  readOne,
  readUnsigned,
  refuse,
  Tag,
  type Der,
} from './der.ts'

/** What a chain needs to know of one X.509 certificate (RFC 5280). Times in ms. */
export type Certificate = Readonly<{
  der: Uint8Array
  /** The octets that the issuer signed, and its signature as r ‖ s, 96 bytes. */
  tbs: Uint8Array
  signature: Uint8Array
  /** Names as DER. They are compared octet by octet. */
  issuer: Uint8Array
  subject: Uint8Array
  notBefore: number
  notAfter: number
  /** The public key as an uncompressed P-384 point, 97 bytes. */
  point: Uint8Array
  ca: boolean
  /** How many CA certificates may stand between this one and the leaf. */
  pathLength: number
  signsDocuments: boolean
  signsCertificates: boolean
}>

const ecdsaWithSha384 = fromHex('300a06082a8648ce3d040303')
const ecOnP384 = fromHex('301006072a8648ce3d020106052b81040022')
const basicConstraints = '551d13'
const keyUsage = '551d0f'
const digitalSignature = 0x80
const keyCertSign = 0x04

/**
 * Reads a certificate of the shape that Nitro chains have: version 3, P-384, ecdsa-with-SHA384, BasicConstraints and
 * KeyUsage. It checks no signature. Throws `attestation.invalid` for any other shape, and for a critical extension
 * that it does not know.
 */
export function readCertificate(der: Uint8Array): Certificate {
  const parts = readAll(readOne(der, Tag.sequence).contents)
  if (parts.length !== 3) return refuse()
  const [tbs, algorithm, signature] = parts
  if (!is(algorithm, ecdsaWithSha384)) return refuse()
  return {
    der,
    tbs: expectTag(tbs, Tag.sequence).whole,
    signature: readSignature(readOctets(signature)),
    ...readTbs(expectTag(tbs, Tag.sequence)),
  }
}

function readTbs(tbs: Der) {
  const parts = readAll(tbs.contents)
  if (parts.length !== 8) return refuse()
  const [version, serial, algorithm, issuer, validity, subject, key, extensions] = parts
  if (readUnsigned(readOne(expectTag(version, Tag.version).contents, Tag.integer), 1)[0] !== 2) return refuse()
  if (!is(algorithm, ecdsaWithSha384)) return refuse()
  expectTag(serial, Tag.integer)
  const times = readAll(expectTag(validity, Tag.sequence).contents)
  if (times.length !== 2) return refuse()
  return {
    issuer: expectTag(issuer, Tag.sequence).whole,
    subject: expectTag(subject, Tag.sequence).whole,
    notBefore: readTime(times[0]),
    notAfter: readTime(times[1]),
    point: readPublicKey(expectTag(key, Tag.sequence)),
    ...readExtensions(readOne(expectTag(extensions, Tag.extensions).contents, Tag.sequence)),
  }
}

const is = (element: Der | undefined, der: Uint8Array): boolean =>
  element !== undefined && equalBytes(element.whole, der)

/** ECDSA-Sig-Value (RFC 3279 §2.2.3) as r ‖ s, the form that WebCrypto takes. */
function readSignature(bytes: Uint8Array): Uint8Array {
  const numbers = readAll(readOne(bytes, Tag.sequence).contents)
  if (numbers.length !== 2) return refuse()
  const raw = new Uint8Array(96)
  raw.set(readUnsigned(numbers[0], 48), 0)
  raw.set(readUnsigned(numbers[1], 48), 48)
  return raw
}

function readPublicKey(spki: Der): Uint8Array {
  const parts = readAll(spki.contents)
  const point = readOctets(parts[1])
  return parts.length === 2 && is(parts[0], ecOnP384) && point.length === 97 && point[0] === 4 ? point : refuse()
}

/** UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5), in ms. */
function readTime(element: Der | undefined): number {
  if (element === undefined) return refuse()
  const text = String.fromCharCode(...element.contents)
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  const [year = '', ...rest] = match?.slice(1) ?? refuse()
  if (element.tag !== (year.length === 2 ? Tag.utcTime : Tag.generalizedTime)) return refuse()
  const fullYear = year.length === 4 ? year : Number(year) < 50 ? `20${year}` : `19${year}`
  const [month = '', day = '', hour = '', minute = '', second = ''] = rest
  const time = Date.parse(`${fullYear}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? refuse() : time
}

function readExtensions(list: Der) {
  const found = new Map<string, Uint8Array>()
  for (const extension of readAll(list.contents)) {
    const parts = readAll(expectTag(extension, Tag.sequence).contents)
    const id = toHex(expectTag(parts[0], Tag.oid).contents)
    const critical = parts.length === 3
    if (found.has(id) || (critical && !isTrue(parts[1] ?? refuse()))) return refuse()
    if (critical && id !== basicConstraints && id !== keyUsage) return refuse()
    if (parts.length !== 2 && !critical) return refuse()
    found.set(id, expectTag(parts.at(-1), Tag.octetString).contents)
  }
  return {
    ...readBasicConstraints(found.get(basicConstraints) ?? refuse()),
    ...readKeyUsage(found.get(keyUsage) ?? refuse()),
  }
}

function readBasicConstraints(value: Uint8Array): { ca: boolean; pathLength: number } {
  const parts = readAll(readOne(value, Tag.sequence).contents)
  if (parts.length === 0) return { ca: false, pathLength: 0 }
  const [ca = refuse(), limit] = parts
  if (!isTrue(ca) || parts.length > 2) return refuse()
  return { ca: true, pathLength: limit === undefined ? Infinity : (readUnsigned(limit, 1)[0] ?? refuse()) }
}

function readKeyUsage(value: Uint8Array): { signsDocuments: boolean; signsCertificates: boolean } {
  const [, bits = refuse()] = readOne(value, Tag.bitString).contents
  return { signsDocuments: (bits & digitalSignature) !== 0, signsCertificates: (bits & keyCertSign) !== 0 }
}
