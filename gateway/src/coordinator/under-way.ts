import type { EnclaveId } from '@quorate/shared/wire/ids'
import { effects as keygenEffects } from '../keygen/machine.ts'
import { effects as refreshEffects } from '../refresh/machine.ts'
import { effects as signingEffects } from '../signing/machine.ts'
import type { StoredSession } from '../store/store.ts'
import type { EnclavePort } from './ports.ts'

/** The enclaves whose answer this session waits for. */
export function awaitedHosts(session: StoredSession): EnclaveId[] {
  const indices = new Set<number>(owedBy(session).flatMap((effect) => ('index' in effect ? [effect.index] : [])))
  return holders(session).flatMap(({ index, enclaveId }) => (indices.has(index) ? [enclaveId] : []))
}

function owedBy({ kind, state }: StoredSession): readonly ({ type: string } | { type: string; index: number })[] {
  switch (kind) {
    case 'keygen':
      return keygenEffects(state)
    case 'signing':
      return signingEffects(state)
    case 'refresh':
      return refreshEffects(state)
  }
}

function holders({ kind, state }: StoredSession): readonly { index: number; enclaveId: EnclaveId }[] {
  switch (kind) {
    case 'keygen':
      return state.places.map(({ index, host }) => ({ index, enclaveId: host.enclaveId }))
    case 'signing':
      return state.holders
    case 'refresh':
      return state.hosts.map((enclaveId, at) => ({ index: at + 1, enclaveId }))
  }
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
