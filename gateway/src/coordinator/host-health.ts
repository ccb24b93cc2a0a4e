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
  'image.retired',
])

/** Does this refusal say that the enclave itself is not well? */
export const isUnwell = (code: RefusalCode): boolean => unwell.has(code)

const FIRST_REST_MS = 250
const LONGEST_REST_MS = 5_000
const HELLO_MS = 1_000

/** `resting`: not asked for anything but a hello. `failures` since it last did its work. */
type Illness = Readonly<{ failures: number; resting: boolean }>

export type HostHealth = Readonly<{
  /** Enclaves that can be asked, those without a failure since they last worked first. */
  available: () => EnclaveId[]
  /** True when the code speaks against the enclave; then it rests, longer each time. */
  failed: (id: EnclaveId, code: RefusalCode) => boolean
  worked: (id: EnclaveId) => void
  close: () => void
}>

/**
 * Remembers over all sessions which enclaves failed, so that a dead or stuck one costs one session a moment and the next
 * ones nothing: after a rest it is asked for a hello, and nothing else before it has answered. `onWell` is called when one
 * may be asked again: it became ready, or has answered.
 */
export function createHostHealth(enclaves: EnclavePort, onWell: () => void): HostHealth {
  const ill = new Map<EnclaveId, Illness>()
  const timers = new Set<NodeJS.Timeout>()
  const unsubscribe = enclaves.subscribe(({ type, enclaveId }) => {
    if (type !== 'ready') return
    ill.delete(enclaveId)
    onWell()
  })
  const failuresOf = (id: EnclaveId) => ill.get(id)?.failures ?? 0

  function rest(id: EnclaveId, failures: number): void {
    const illness = { failures, resting: true }
    ill.set(id, illness)
    const ms = Math.min(FIRST_REST_MS * 2 ** (failures - 1), LONGEST_REST_MS)
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (ill.get(id) === illness) void greet(id, illness)
    }, ms).unref()
    timers.add(timer)
  }

  async function greet(id: EnclaveId, illness: Illness): Promise<void> {
    const answers = await enclaves.call(id, 'hello', {}, HELLO_MS).then(
      () => true,
      () => false,
    )
    if (ill.get(id) !== illness) return
    if (!answers) {
      rest(id, illness.failures + 1)
      return
    }
    ill.set(id, { ...illness, resting: false })
    onWell()
  }

  return {
    available: () =>
      enclaves
        .ids()
        .filter((id) => enclaves.status(id).state === 'ready' && !ill.get(id)?.resting)
        .sort((a, b) => failuresOf(a) - failuresOf(b)),
    failed: (id, code) => {
      if (!isUnwell(code)) return false
      // The calls that fail together with the first one say nothing new.
      if (!ill.get(id)?.resting) rest(id, failuresOf(id) + 1)
      return true
    },
    worked: (id) => {
      const illness = ill.get(id)
      if (illness === undefined) return
      ill.delete(id)
      // A late answer: who looked for hosts meanwhile has not found this one.
      if (illness.resting) onWell()
    },
    close: () => {
      unsubscribe()
      ill.clear()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
