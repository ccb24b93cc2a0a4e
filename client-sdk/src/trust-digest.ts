import { sha256 } from '@noble/hashes/sha2.js'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { certificatesIn } from '@quorate/shared/attestation/roots'
import { digestOf } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Digest } from '@quorate/shared/wire/ids'

/** SHA-256 of each root certificate (DER), hex, sorted. */
export const rootDigests = ({ roots }: TrustPolicy): string[] =>
  [...new Set(roots.flatMap((root) => certificatesIn(root).map((der) => toHex(sha256(der)))))].sort()

/** H(trust, roots and measurements): the same for two files that say the same, however they are written. */
export function trustDigest(trust: TrustPolicy): Digest {
  const sets = trust.measurements.map((set) =>
    Object.entries(set)
      .map(([index, pcr]) => `${index}=${pcr}`)
      .sort()
      .join(' '),
  )
  return digestOf('trust', { roots: rootDigests(trust), measurements: [...new Set(sets)].sort() })
}
