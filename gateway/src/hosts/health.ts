import type { RefusalCode } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import { ceilingAfter } from '../engine/back-off.ts'
import type { Health, Hosts } from '../engine/ports.ts'

/** Refusals that say that the host itself is not well, whatever it was asked. */
const unwell: ReadonlySet<RefusalCode> = new Set([
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
  'enclave.busy',
  'enclave.failed',
  'image.retired',
])

/** Does this refusal say that the host itself is not well? */
export const isUnwell = (code: RefusalCode): boolean => unwell.has(code)

/** ms */
const RESTS = { first: 250, longest: 5_000 }
const HELLO_MS = 1_000

/** `resting`: not asked for anything but a hello. `failures` since it last did its work. */
type Illness = Readonly<{ failures: number; resting: boolean }>

export type HostHealth = Health & Readonly<{ close: () => void }>

/** What is remembered of all hosts: the ill ones, and the timers of those that rest. */
type Ward = Readonly<{ hosts: Hosts; onWell: () => void; ill: Map<HostId, Illness>; timers: Set<NodeJS.Timeout> }>

const failuresOf = ({ ill }: Ward, id: HostId) => ill.get(id)?.failures ?? 0

function rest(ward: Ward, id: HostId, failures: number): void {
  const { ill, timers } = ward
  const illness = { failures, resting: true }
  ill.set(id, illness)
  const ms = ceilingAfter(failures, RESTS)
  const timer = setTimeout(() => {
    timers.delete(timer)
    if (ill.get(id) === illness) void greet(ward, id, illness)
  }, ms).unref()
  timers.add(timer)
}

async function greet(ward: Ward, id: HostId, illness: Illness): Promise<void> {
  const { hosts, onWell, ill } = ward
  const answers = await hosts.ask(id, 'hello', {}, HELLO_MS).then(
    () => true,
    () => false,
  )
  if (ill.get(id) !== illness) return
  if (!answers) {
    rest(ward, id, illness.failures + 1)
    return
  }
  ill.set(id, { ...illness, resting: false })
  onWell()
}

const available = (ward: Ward): HostId[] =>
  ward.hosts
    .ids()
    .filter((id) => ward.hosts.state(id) === 'ready' && !ward.ill.get(id)?.resting)
    .sort((a, b) => failuresOf(ward, a) - failuresOf(ward, b))

/**
 * Remembers over all sessions which hosts failed. A dead or stuck host costs one session a moment and the next ones nothing. It
 * rests, longer each time, then gets a hello, and nothing else before it has answered. The gateway calls `onWell` when a host may
 * be asked again: it became ready, or has answered.
 */
export function createHostHealth(hosts: Hosts, onWell: () => void): HostHealth {
  const ward: Ward = { hosts, onWell, ill: new Map(), timers: new Set() }
  const { ill, timers } = ward
  const unsubscribe = hosts.subscribe(({ type, host }) => {
    if (type !== 'ready') return
    ill.delete(host)
    onWell()
  })
  return {
    available: () => available(ward),
    failed: (id, code) => {
      if (!isUnwell(code)) return false
      // The calls that fail together with the first one say nothing new.
      if (!ill.get(id)?.resting) rest(ward, id, failuresOf(ward, id) + 1)
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
