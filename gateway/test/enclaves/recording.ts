import { setTimeout as sleep } from 'node:timers/promises'
import type { EnclaveEvents, Roots } from '../../src/enclaves/enclaves.ts'
import type { EnclaveRoot, TakenManifest } from '../../src/store/store.ts'

/** A place for roots that remembers in memory what it was told to keep. */
export function memoryRoots(): Roots & { kept: Map<string, EnclaveRoot>; taken: Map<string, TakenManifest[]> } {
  const kept = new Map<string, EnclaveRoot>()
  const taken = new Map<string, TakenManifest[]>()
  return {
    kept,
    taken,
    loadManifests: (id) => Promise.resolve(taken.get(id) ?? []),
    loadEnclaveRoot: (id) => Promise.resolve(kept.get(id) ?? null),
    saveEnclaveRoot: (id, root) => Promise.resolve(void kept.set(id, root)),
  }
}

export function recordedEvents(): EnclaveEvents & { seen: string[] } {
  const seen: string[] = []
  return {
    seen,
    enclaveReady: (id) => seen.push(`ready ${id}`),
    enclaveDown: (id) => seen.push(`down ${id}`),
    enclaveRestarted: (id) => seen.push(`restarted ${id}`),
    enclaveNotReady: (id, code) => seen.push(`not ready ${id} ${code}`),
    enclaveRootTakenOver: (id) => seen.push(`root taken over ${id}`),
    enclaveIdentityChanged: (id) => seen.push(`identity changed ${id}`),
  }
}

/** Waits until `condition` holds; fails loudly after five seconds. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await sleep(5)
  }
}
