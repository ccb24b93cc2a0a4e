import type { Digest } from '@quorate/shared/wire/ids'
import { made, nothing, type Memory, type Version } from './epochs.ts'

/** What this life of the enclave knows of each key. Never stored: what is stored can be brought back. */
export type Memories = Readonly<{
  of: (keyId: string) => Memory
  keep: (keyId: string, memory: Memory) => void
  /** This enclave has just certified a new key. It may do so again, in another attempt, before one is complete. */
  certified: (keyId: string, digest: Digest) => void
  /** All hosts have certified this version. If it is one of those, the key is as new as it says. */
  completed: (keyId: string, version: Version) => void
}>

/** Of keys, and of attempts to make one. Who is forgotten is asked for again, as after a restart. */
const MAX_KEYS = 100_000
const MAX_ATTEMPTS = 16

export function createMemories(): Memories {
  const kept = new Map<string, Memory>()
  const fresh = new Map<string, readonly Digest[]>()
  const of = (keyId: string): Memory => kept.get(keyId) ?? nothing

  function put<T>(map: Map<string, T>, keyId: string, value: T): void {
    const oldest = map.keys().next().value
    if (map.size >= MAX_KEYS && !map.has(keyId) && oldest !== undefined) map.delete(oldest)
    map.set(keyId, value)
  }

  return {
    of,
    keep: (keyId, memory) => put(kept, keyId, memory),
    certified: (keyId, digest) => put(fresh, keyId, [...(fresh.get(keyId) ?? []), digest].slice(-MAX_ATTEMPTS)),
    completed(keyId, version) {
      if (!fresh.get(keyId)?.includes(version.digest)) return
      fresh.delete(keyId)
      put(kept, keyId, made(of(keyId), version))
    },
  }
}
