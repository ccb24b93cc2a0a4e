import { createHash, verify, X509Certificate } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { Refusal } from '@quorate/shared/errors'

/** Attestation of a key version as Google's API gives it: base64 of the gzipped statement, and chains of PEM certificates. */
export type Attestation = Readonly<{
  content: string
  certChains: Readonly<{
    caviumCerts: readonly string[]
    googleCardCerts: readonly string[]
    googlePartitionCerts: readonly string[]
  }>
}>

/**
 * Roots (PEM) of who made the HSMs and of who owns them, and the SHA-256 (hex) of the one statement, gzipped as it comes, that an
 * operator has read: which key it speaks of is in its attributes, in a form of the manufacturer's that is not read here.
 */
export type PinnedHsm = Readonly<{ manufacturer: string; owner: string; statement: string }>

const signatureLength = 256
const longestStatement = 128 * 1024

/**
 * Asks what Google's own verification asks (python-docs-samples, kms/attestations): a card and a partition that the
 * manufacturer's root and the owner's root certify both, with the same keys, and a statement that this partition has signed by
 * RSASSA-PKCS1-v1_5 with SHA-256 in its last 256 bytes. Beyond that: all of them in their time (`now` in ms), and no statement
 * but the pinned one. Throws `kms.invalid`.
 */
export function verifyStatement({ content, certChains }: Attestation, pinned: PinnedHsm, now: number): void {
  try {
    const compressed = Buffer.from(content, 'base64')
    demand(createHash('sha256').update(compressed).digest('hex') === pinned.statement)
    const partition = findPartition(readPool(certChains), pinned, now)
    const statement = gunzipSync(compressed, { maxOutputLength: longestStatement })
    const [signed, signature] = [statement.subarray(0, -signatureLength), statement.subarray(-signatureLength)]
    demand(signed.length > 0 && verify('sha256', signed, partition.publicKey, signature))
  } catch {
    throw new Refusal('kms.invalid')
  }
}

const readPool = ({ caviumCerts, googleCardCerts, googlePartitionCerts }: Attestation['certChains']) =>
  [...caviumCerts, ...googleCardCerts, ...googlePartitionCerts].map((pem) => new X509Certificate(pem))

/** The manufacturer certifies a card and the card its partition; the owner certifies the keys of both. */
function findPartition(pool: readonly X509Certificate[], pinned: PinnedHsm, now: number): X509Certificate {
  const manufacturer = new X509Certificate(pinned.manufacturer)
  const owner = new X509Certificate(pinned.owner)
  const card = find(pool, (one) => isIssued(one, manufacturer, now) && !one.raw.equals(manufacturer.raw))
  const partition = find(pool, (one) => isIssued(one, card, now))
  for (const { publicKey } of [card, partition])
    find(pool, (one) => isIssued(one, owner, now) && one.publicKey.equals(publicKey))
  return partition
}

/** Names fit, the signature verifies, and it is in its time. The time of a pinned root is of no account: the pin is what counts. */
const isIssued = (certificate: X509Certificate, issuer: X509Certificate, now: number): boolean =>
  certificate.checkIssued(issuer) &&
  certificate.verify(issuer.publicKey) &&
  Date.parse(certificate.validFrom) <= now &&
  now <= Date.parse(certificate.validTo)

function find(pool: readonly X509Certificate[], fits: (one: X509Certificate) => boolean): X509Certificate {
  const found = pool.find(fits)
  demand(found !== undefined)
  return found
}

function demand(condition: boolean): asserts condition {
  if (!condition) throw new Error('not attested')
}
