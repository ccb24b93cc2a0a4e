import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Enclaves } from '../hosts/enclaves/enclaves.ts'
import type { Store } from '../store/store.ts'

export type Readiness = Readonly<{
  ready: boolean
  store: 'open' | 'failed'
  enclaves: Record<EnclaveId, 'ready' | 'locked' | 'down'>
}>

/** How long an answer of the store is believed: a question per request would let anyone keep it busy. */
const BELIEVED_MS = 500
const STORE_MS = 1_000

/** Ready is who can do something useful: the store answers and at least one enclave is ready. */
export function createReadiness(
  store: Pick<Store, 'loadReply'>,
  enclaves: Pick<Enclaves, 'ids' | 'status'>,
  draining: AbortSignal,
): () => Promise<Readiness> {
  let asked = { at: -Infinity, answer: Promise.resolve(false) }
  const askStore = async (): Promise<boolean> => {
    const answered = store.loadReply('readiness', '', 0).then(
      () => true,
      () => false,
    )
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), STORE_MS)))
    return await Promise.race([answered, late]).finally(() => clearTimeout(timer))
  }
  return async () => {
    if (performance.now() - asked.at > BELIEVED_MS) asked = { at: performance.now(), answer: askStore() }
    const open = await asked.answer
    const states = enclaves.ids().map((id) => [id, enclaves.status(id).state] as const)
    return {
      ready: open && !draining.aborted && states.some(([, state]) => state === 'ready'),
      store: open ? 'open' : 'failed',
      enclaves: Object.fromEntries(states),
    }
  }
}
