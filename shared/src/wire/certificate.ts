import { z } from 'zod'
import { Base64url, Digest, GroupKey, Index, Signature } from './ids.ts'
import { Roster } from './keygen.ts'

/** What all hosts sign at the end. Public: nothing but public keys stands in it. */
export const CertificateBody = z.strictObject({
  version: z.literal(1),
  roster: Roster,
  /** BIP-340 x-only key or Ed25519 key, 32 bytes. */
  groupKey: GroupKey,
  /** The crate's PublicKeyPackage: group key, every verifying share and the threshold. Public. */
  publicKeys: Base64url,
  transcript: Digest,
  epoch: z.int().min(0),
  previous: Digest.nullable(),
})
export type CertificateBody = z.infer<typeof CertificateBody>

/** The key certificate: its body and a signature by each participant's host, in the order of indices. */
export const Certificate = z.strictObject({ body: CertificateBody, signatures: z.array(Signature).min(2).max(32) })
export type Certificate = z.infer<typeof Certificate>

/** A share as the gateway keeps it. */
export const SealedShare = z.strictObject({ index: Index, sealed: Base64url })
export type SealedShare = z.infer<typeof SealedShare>
