import type { EnclaveId } from '@quorate/shared/wire/ids'
import { effects as keygenEffects } from '../keygen/machine.ts'
import { effects as signingEffects } from '../signing/machine.ts'
import type { StoredSession } from '../store/store.ts'
import type { EnclavePort } from './ports.ts'

/** The enclaves whose answer this session waits for. */
export function awaitedHosts({ kind, state }: StoredSession): EnclaveId[] {
  const owed = kind === 'keygen' ? keygenEffects(state) : signingEffects(state)
  const indices = new Set<number>(owed.flatMap((effect) => ('index' in effect ? [effect.index] : [])))
  const hosts =
    kind === 'keygen' ? state.places.map(({ index, host }) => ({ index, enclaveId: host.enclaveId })) : state.holders
  return hosts.filter(({ index }) => indices.has(index)).map(({ enclaveId }) => enclaveId)
}

/**
 * Resolves when all of these are ready, after `ms` at the latest. A gateway that has just started has reached nobody yet: an
 * attempt that it took up at once would be given up, and its nonces with it, though every host still stands in it.
 */
export async function untilReached(enclaves: EnclavePort, ids: readonly EnclaveId[], ms: number): Promise<void> {
  const reached = () => ids.every((id) => enclaves.status(id).state === 'ready')
  if (reached()) return
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      unsubscribe()
      resolve()
    }
    const timer = setTimeout(done, ms)
    const unsubscribe = enclaves.subscribe(() => reached() && done())
  })
}
