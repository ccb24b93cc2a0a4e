import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { HostState } from '../engine/ports.ts'
import type { Enclaves } from '../hosts/enclaves/enclaves.ts'
import type { Fitness, Store } from '../store/store.ts'

export type Readiness = Readonly<{
  ready: boolean
  store: 'open' | 'failed'
  /** Why the store failed: SQLite's code, `room` when the disk is nearly full, `late`, or `unknown`. */
  cause?: string
  enclaves: Record<EnclaveId, HostState>
}>

/** How long an answer of the store is believed: a question per request would let anyone keep it busy. */
const BELIEVED_MS = 500
const STORE_MS = 1_000

/** Ready is who can do something useful: the store can be written to and at least one enclave is ready. */
export function createReadiness(
  fitness: Store['fitness'],
  enclaves: Pick<Enclaves, 'ids' | 'status'>,
  draining: AbortSignal,
): () => Promise<Readiness> {
  let asked: { at: number; answer: Promise<Fitness> } | null = null
  const askStore = async (): Promise<Fitness> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Fitness>((resolve) => {
      timer = setTimeout(() => resolve({ state: 'failed', cause: 'late' }), STORE_MS)
    })
    return await Promise.race([fitness(), late]).finally(() => clearTimeout(timer))
  }
  return async () => {
    const now = performance.now()
    if (asked === null || now - asked.at > BELIEVED_MS) asked = { at: now, answer: askStore() }
    const { state, ...why } = await asked.answer
    const states = enclaves.ids().map((id) => [id, enclaves.status(id).state] as const)
    return {
      ready: state === 'open' && !draining.aborted && states.some(([, its]) => its === 'ready'),
      store: state,
      ...why,
      enclaves: Object.fromEntries(states),
    }
  }
}
