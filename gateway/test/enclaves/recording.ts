import type { EnclaveEvents, Roots } from '../../src/hosts/enclaves/enclaves.ts'
import type { EnclaveRoot, TakenManifest } from '../../src/store/store.ts'
import { noticed } from '../../../shared/test/noticing.js'

/** A place for roots that remembers in memory what it was told to keep. */
export function memoryRoots(): Roots & { kept: Map<string, EnclaveRoot>; taken: Map<string, TakenManifest[]> } {
  const kept = new Map<string, EnclaveRoot>()
  const taken = new Map<string, TakenManifest[]>()
  return {
    kept,
    taken,
    loadManifests: (id) => Promise.resolve(taken.get(id) ?? []),
    loadEnclaveRoot: (id) => Promise.resolve(kept.get(id) ?? null),
    saveEnclaveRoot: (id, root) => {
      kept.set(id, root)
      noticed()
      return Promise.resolve()
    },
  }
}

export function recordedEvents(): EnclaveEvents & { seen: string[] } {
  const seen: string[] = []
  const see = (line: string) => {
    seen.push(line)
    noticed()
  }
  return {
    seen,
    enclaveReady: (id) => see(`ready ${id}`),
    enclaveRetired: (id) => see(`retired ${id}`),
    enclaveDown: (id) => see(`down ${id}`),
    enclaveRestarted: (id) => see(`restarted ${id}`),
    enclaveNotReady: (id, code) => see(`not ready ${id} ${code}`),
    enclaveRootTakenOver: (id) => see(`root taken over ${id}`),
    enclaveIdentityChanged: (id) => see(`identity changed ${id}`),
  }
}
