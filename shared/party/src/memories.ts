import { Refusal } from '@quorate/shared/errors'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import { made, nothing, type Memory } from './epochs.ts'

/** What this life of the enclave knows of each key. Never stored: what is stored can be brought back. */
export type Memories = Readonly<{
  of: (keyId: string) => Memory
  /** Throws `enclave.busy` for a new key when there is no more room. */
  keep: (keyId: string, memory: Memory) => void
  /** This enclave has just certified a new key. It may do so again, in another attempt, before one is complete. */
  certified: (keyId: string, digest: Digest) => void
  /** All hosts have certified this version. If it is one of those, the key is as new as it says. Throws as `keep`. */
  completed: (keyId: string, version: Version) => void
}>

/** About 100 MB. */
const MAX_KEYS = 200_000
const MAX_ATTEMPTS = 16

/**
 * Nothing is forgotten before the end of this life: a host that forgot a key could be brought what was said to it earlier, and who
 * can make keys could make it forget. A digest that was certified may go: the key is then asked for as after a restart.
 */
export function createMemories(maxKeys = MAX_KEYS): Memories {
  const kept = new Map<string, Memory>()
  const fresh = new Map<string, readonly Digest[]>()
  const of = (keyId: string): Memory => kept.get(keyId) ?? nothing

  function keep(keyId: string, memory: Memory): void {
    if (kept.size >= maxKeys && !kept.has(keyId)) throw new Refusal('enclave.busy')
    kept.set(keyId, memory)
  }

  return {
    of,
    keep,
    certified(keyId, digest) {
      const oldest = fresh.keys().next().value
      if (fresh.size >= maxKeys && !fresh.has(keyId) && oldest !== undefined) fresh.delete(oldest)
      fresh.set(keyId, [...(fresh.get(keyId) ?? []), digest].slice(-MAX_ATTEMPTS))
    },
    completed(keyId, version) {
      if (!fresh.get(keyId)?.includes(version.digest)) return
      keep(keyId, made(of(keyId), version))
      fresh.delete(keyId)
    },
  }
}
