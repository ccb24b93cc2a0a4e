import { sha256 } from '@noble/hashes/sha2.js'
import { Refusal } from '../errors.ts'
import { taggedHash } from '../crypto/hash.ts'
import { toHex } from '../wire/bytes.ts'
import type { AttestedIdentity } from '../wire/identity.ts'
import type { DocumentCache } from './cache.ts'
import { readChain, verifyChain, verifyEs384, type Chain } from './chain.ts'
import { readCoseSign1, type CoseSign1 } from './cose.ts'
import { equalBytes, refuse } from './der.ts'
import { readPayload, type DocumentPayload } from './document.ts'
import { isAccepted, isDebug, isTrustedRoot, TrustPolicy } from './policy.ts'
import type { Measurements } from '../wire/measurements.ts'

/**
 * What a verified document says. `timestamp` in ms; `digest` is the SHA-256 of the whole document, hex. It is for the cache alone: its
 * carrier can make another document that verifies and says the same.
 */
export type VerifiedDocument = Readonly<{
  moduleId: string
  timestamp: number
  pcrs: Measurements
  publicKey: Uint8Array | null
  userData: Uint8Array | null
  nonce: Uint8Array | null
  digest: string
}>

/** What the asker wants to see. `nonce`: null, not compared. `now` and `maxAge` in ms; without `maxAge` the leaf's three hours bound a document. */
export type Expectation = Readonly<{
  policy: TrustPolicy
  nonce: Uint8Array | null
  now: number
  maxAge?: number
  cache?: DocumentCache
}>

/** What an enclave's document proves: who it is, and what changes while it stays the same. */
type Claims = Omit<AttestedIdentity, 'document'>

/** H(attested, {identity, presence}): the `user_data` of a document. */
export const attestedDigest = ({ identity, presence }: Claims): Uint8Array =>
  taggedHash('attested', { identity, presence })

const largestDocument = 16 * 1024
/** By how much the hypervisor's clock may be ahead of ours, in ms. */
const clockSkew = 60_000

/**
 * Verifies a Nitro attestation document (AWS, "Cryptographic attestation"; COSE_Sign1 of RFC 9052): its form, the chain
 * up to a trusted root, its signature, its age, the nonce, and that it measures an accepted image not in debug mode.
 * Whatever is wrong, throws `attestation.invalid` and says no more.
 */
export async function verifyDocument(document: Uint8Array, expect: Expectation): Promise<VerifiedDocument> {
  try {
    const opened = openDocument(document)
    // The cheap questions first: all must hold, and a signature costs more than the rest together.
    checkExpectation(opened, expect)
    const digest = toHex(sha256(document))
    if (!expect.cache?.has(digest)) await checkSignatures(opened, expect.cache)
    expect.cache?.add(digest)
    const { moduleId, timestamp, pcrs, publicKey, userData, nonce } = opened.payload
    return { moduleId, timestamp, pcrs, publicKey, userData, nonce, digest }
  } catch {
    throw new Refusal('attestation.invalid')
  }
}

/**
 * As `verifyDocument`, for a document that was kept: it is judged at its own time, which must not lie ahead. It proves what was
 * so then, and says nothing of today.
 */
export async function verifyPastDocument(
  document: Uint8Array,
  { policy, now }: Readonly<{ policy: TrustPolicy; now: number }>,
): Promise<VerifiedDocument> {
  const then = timeOf(document)
  if (then - now > clockSkew) throw new Refusal('attestation.invalid')
  return await verifyDocument(document, { policy, nonce: null, now: then })
}

function timeOf(document: Uint8Array): number {
  try {
    return openDocument(document).payload.timestamp
  } catch {
    throw new Refusal('attestation.invalid')
  }
}

/**
 * As `verifyDocument`, and the document must prove this identity and this presence: the key E as `public_key`, the digest of both as
 * `user_data`. A life that begins after its document is none.
 */
export async function verifyAttestedIdentity({
  identity,
  presence,
  document,
  ...expect
}: Expectation & Readonly<Claims & { document: Uint8Array }>): Promise<VerifiedDocument> {
  const verified = await verifyDocument(document, expect)
  if (verified.publicKey === null || verified.userData === null) return refuse()
  if (toHex(verified.publicKey) !== identity.sealKey) return refuse()
  if (!equalBytes(verified.userData, attestedDigest({ identity, presence }))) return refuse()
  if (presence.life.startedAt > verified.timestamp + clockSkew) return refuse()
  return verified
}

type Opened = Readonly<{ cose: CoseSign1; payload: DocumentPayload; chain: Chain }>

/** Reads a document. Nothing of it is true yet: `checkSignatures` and the expectation come next. */
export function openDocument(document: Uint8Array): Opened {
  if (document.length > largestDocument) return refuse()
  const cose = readCoseSign1(document)
  const payload = readPayload(cose.payload)
  return { cose, payload, chain: readChain(payload.certificate, payload.cabundle) }
}

/**
 * Throws unless every signature holds, from the document's own root down to the document. The NSM uses its leaf for three hours, so
 * a chain that is in `cache` is not checked again. WebCrypto checks in threads of its own; the event loop is held for a fifth of the time.
 */
export async function checkSignatures({ cose, chain }: Opened, cache?: DocumentCache): Promise<void> {
  const document = verifyEs384(chain.leaf.point, cose.signature, cose.signed)
  if (cache === undefined) {
    await Promise.all([document, verifyChain(chain)])
    return
  }
  const digest = chainDigest(chain)
  await Promise.all([document, cache.has(digest) ? null : verifyChain(chain)])
  cache.add(digest)
}

/** SHA-256, hex, of all certificates from the root down. DER says where each ends, and begins as no document does. */
function chainDigest({ certificates }: Chain): string {
  const hash = sha256.create()
  for (const { der } of certificates) hash.update(der)
  return toHex(hash.digest())
}

function checkExpectation({ payload, chain }: Opened, expect: Expectation): void {
  const { nonce, now, maxAge = Infinity } = expect
  const policy = TrustPolicy.parse(expect.policy)
  if (!isTrustedRoot(chain.root.der, policy)) refuse()
  // A document from the near future is of a clock ahead of ours, and is judged at its own time.
  const time = Math.max(now, payload.timestamp)
  if (!(time - now <= clockSkew && now - payload.timestamp <= maxAge)) refuse()
  if (!(chain.notBefore <= time && time <= chain.notAfter)) refuse()
  if (nonce !== null && !(payload.nonce !== null && equalBytes(payload.nonce, nonce))) refuse()
  if (isDebug(payload.pcrs) || !isAccepted(payload.pcrs, policy)) refuse()
}
