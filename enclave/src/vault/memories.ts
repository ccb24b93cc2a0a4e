import { nothing, type Memory } from './epochs.ts'

/** What this life of the enclave knows of each key. Never stored: what is stored can be brought back. */
export type Memories = Readonly<{ of: (keyId: string) => Memory; keep: (keyId: string, memory: Memory) => void }>

export function createMemories(): Memories {
  const kept = new Map<string, Memory>()
  return {
    of: (keyId) => kept.get(keyId) ?? nothing,
    keep: (keyId, memory) => void kept.set(keyId, memory),
  }
}
