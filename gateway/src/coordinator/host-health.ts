import type { RefusalCode } from '@quorate/shared/errors'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclavePort } from './ports.ts'

/** Refusals that say that the enclave itself is not well, whatever it was asked. */
const unwell: ReadonlySet<RefusalCode> = new Set([
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
  'enclave.busy',
  'enclave.failed',
])

const FIRST_REST_MS = 250
const LONGEST_REST_MS = 5_000

type Illness = { failures: number; until: number }

export type HostHealth = Readonly<{
  /** Enclaves that can be asked, those without a failure since they last worked first. */
  available: () => EnclaveId[]
  /** True when the code speaks against the enclave; then it rests, longer each time. */
  failed: (id: EnclaveId, code: RefusalCode) => boolean
  worked: (id: EnclaveId) => void
  close: () => void
}>

/**
 * Remembers over all sessions which enclaves failed, so that a dead one costs one session a moment and the next ones
 * nothing. `onWell` is called when one may be asked again: it became ready, or has rested.
 */
export function createHostHealth(enclaves: EnclavePort, clock: () => number, onWell: () => void): HostHealth {
  const ill = new Map<EnclaveId, Illness>()
  const timers = new Set<NodeJS.Timeout>()
  const unsubscribe = enclaves.subscribe(({ type, enclaveId }) => {
    if (type !== 'ready') return
    ill.delete(enclaveId)
    onWell()
  })
  const failuresOf = (id: EnclaveId) => ill.get(id)?.failures ?? 0
  const rest = (ms: number) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      onWell()
    }, ms).unref()
    timers.add(timer)
  }
  return {
    available: () =>
      enclaves
        .ids()
        .filter((id) => enclaves.status(id).state === 'ready' && (ill.get(id)?.until ?? 0) <= clock())
        .sort((a, b) => failuresOf(a) - failuresOf(b)),
    failed: (id, code) => {
      if (!unwell.has(code)) return false
      const before = ill.get(id)
      // The calls that fail together with the first one say nothing new.
      if (before && before.until > clock()) return true
      const failures = (before?.failures ?? 0) + 1
      const ms = Math.min(FIRST_REST_MS * 2 ** (failures - 1), LONGEST_REST_MS)
      ill.set(id, { failures, until: clock() + ms })
      rest(ms + 1)
      return true
    },
    worked: (id) => {
      if (ill.size > 0) ill.delete(id)
    },
    close: () => {
      unsubscribe()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
