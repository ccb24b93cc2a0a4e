import { Refusal } from '@quorate/shared/errors'
import { lineageOf } from '@quorate/shared/verify/certificate'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import { certify, nothing, type Memory } from './epochs.ts'

/** What this life of the enclave knows of each key. Never stored: what is stored can be brought back. */
export type Memories = Readonly<{
  of: (lineage: Digest) => Memory
  /** Throws `enclave.busy` for a new key when there is no more room, and `key.other_lineage` as `requireOnly`. */
  keep: (key: KeyName, memory: Memory) => void
  /**
   * This life of the host has just certified a new key at its first version. It may certify another in another attempt, before it has installed
   * one. Throws `keygen.installed`.
   */
  certified: (key: KeyName, version: Version) => void
  /** Has this life of the host certified this first version, and installed none yet? */
  isCertified: (lineage: Digest, digest: Digest) => boolean
  /** Throws `key.other_lineage` when this host remembers another key under this id. Null: whatever key it is. */
  requireOnly: (keyId: string, lineage: Digest | null) => void
}>

/** A key is its lineage. Its id is drawn by whoever makes it, and another key may come under the same. */
export type KeyName = Readonly<{ keyId: string; lineage: Digest }>

/** How the key of a certificate is called. */
export const nameOf = (certificate: CertificateBody): KeyName => ({
  keyId: certificate.roster.skeleton.keyId,
  lineage: lineageOf(certificate),
})

/** About 100 MB. */
const MAX_KEYS = 200_000
const MAX_ATTEMPTS = 16

/**
 * Nothing is forgotten before the end of this life: a host that forgot a key could be brought what was said to it earlier, and who
 * can make keys could make it forget. A digest that was certified may go: that attempt then comes to nothing.
 */
export function createMemories(maxKeys = MAX_KEYS): Memories {
  const kept = new Map<Digest, Memory>()
  const lineages = new Map<string, Digest>()
  const attempts = new Map<Digest, readonly Digest[]>()
  const of = (lineage: Digest): Memory => kept.get(lineage) ?? nothing

  function requireOnly(keyId: string, lineage: Digest | null): void {
    const known = lineages.get(keyId)
    if (known !== undefined && known !== lineage) throw new Refusal('key.other_lineage')
  }

  function keep({ keyId, lineage }: KeyName, memory: Memory): void {
    requireOnly(keyId, lineage)
    if (kept.size >= maxKeys && !kept.has(lineage)) throw new Refusal('enclave.busy')
    lineages.set(keyId, lineage)
    kept.set(lineage, memory)
    if (memory.current !== null) attempts.delete(lineage)
  }

  const isCertified = (lineage: Digest, digest: Digest): boolean => attempts.get(lineage)?.includes(digest) ?? false

  return {
    of,
    keep,
    requireOnly,
    isCertified,
    certified(key, version) {
      const { lineage } = key
      if (isCertified(lineage, version.digest)) return
      const before = of(lineage)
      const after = certify(before, version)
      if (after === null) throw new Refusal('keygen.installed')
      if (after !== before) keep(key, after)
      const [oldest] = attempts.keys()
      if (attempts.size >= maxKeys && !attempts.has(lineage) && oldest !== undefined) attempts.delete(oldest)
      attempts.set(lineage, [...(attempts.get(lineage) ?? []), version.digest].slice(-MAX_ATTEMPTS))
    },
  }
}
