import { EventEmitter, once } from 'node:events'
import type { FleetEvent, OnFleetEvent } from '@quorate/local/fleet/events'
import type { Fleet } from '@quorate/local/fleet/fleet'
import { cpuOf, memoryOf } from '@quorate/local/fleet/usage'

/** CPU time in ms, memory in bytes. */
export type Usage = Readonly<Record<string, Readonly<{ cpu: number; memory: number }>>>

/** The processes of a fleet, over all of their lives. */
export type Processes = Readonly<{
  onEvent: OnFleetEvent
  /** SIGKILL. Resolves when it does its work again; rejects after so many ms. */
  kill: (fleet: Fleet, name: string, patience: number) => Promise<void>
  /** Of those that run: gateway, enclaves, KMS stand-in, and this process, which has the SDK and the NSMs. */
  usage: (fleet: Fleet) => Usage
  /** A sentence for each that ended though nobody had killed it. */
  faults: readonly string[]
}>

const here = 'sdk'

export function watchProcesses(): Processes {
  const ready = new EventEmitter()
  const spent = new Map<string, number>()
  const killed = new Set<string>()
  const faults: string[] = []
  let stopping = false

  const onEvent = (event: FleetEvent) => {
    if (event.type === 'stopping') stopping = true
    if (event.type === 'ready') ready.emit(event.name)
    if (event.type === 'exited' && !killed.delete(event.name) && !stopping)
      faults.push(`${event.name} ended by itself: code ${event.code ?? '-'}, signal ${event.signal ?? '-'}`)
  }
  return {
    onEvent,
    faults,
    kill: async (fleet, name, patience) => {
      const pid = fleet.pidOf(name)
      if (pid !== undefined) spent.set(name, (spent.get(name) ?? 0) + cpuOf(pid))
      const back = once(ready, name, { signal: AbortSignal.timeout(patience) })
      killed.add(name)
      fleet.kill(name)
      await back.catch(() => {
        throw new Error(`${name} did not come back within ${patience} ms`)
      })
    },
    usage: (fleet) => {
      const names = ['gateway', ...fleet.enclaveIds, 'kms']
      const all = [...names.map((name) => [name, fleet.pidOf(name)] as const), [here, process.pid] as const]
      return Object.fromEntries(
        all.flatMap(([name, pid]) =>
          pid === undefined ? [] : [[name, { cpu: (spent.get(name) ?? 0) + cpuOf(pid), memory: memoryOf(pid) }]],
        ),
      )
    },
  }
}
