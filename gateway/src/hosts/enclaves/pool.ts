import { Refusal } from '@quorate/shared/errors'
import type { Address } from '@quorate/shared/wire/address'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { HostEvent } from '../../engine/ports.ts'
import type { EnclaveEvents, Enclaves, Roots } from './enclaves.ts'
import { createIntroductions } from './introductions.ts'
import { Member } from './member.ts'
import { defaultTiming, type Timing } from './timing.ts'

export type EnclavesPorts = {
  addresses: ReadonlyMap<EnclaveId, Address>
  roots: Roots
  events: EnclaveEvents
  timing?: Partial<Timing>
}

/** Starts to connect to every enclave and keeps at it until `close`. */
export function createEnclaves({ addresses, roots, events, timing }: EnclavesPorts): Enclaves {
  const listeners = new Set<(event: HostEvent) => void>()
  const tell = (event: HostEvent) => {
    for (const listener of listeners) listener(event)
  }
  const times = { ...defaultTiming, ...timing }
  const members = new Map<EnclaveId, Member>()
  for (const [id, address] of addresses)
    members.set(id, new Member(id, address, { roots, events, tell, timing: times }))

  const ask: Enclaves['ask'] = async (id, method, params, deadlineMs = times.callMs) => {
    const member = members.get(id)
    if (member === undefined) throw new Refusal('enclave.unreachable')
    return await member.call(method, params, deadlineMs)
  }
  const bootIdOf = (id: EnclaveId) => members.get(id)?.bootId() ?? null
  const introductions = createIntroductions(ask, bootIdOf)

  return {
    ids: () => [...members.keys()],
    status: (id) => members.get(id)?.status() ?? { state: 'down', identity: null, sealing: null },
    life: bootIdOf,
    state: (id) => members.get(id)?.status().state ?? 'down',
    ask: (id, method, params, deadlineMs) =>
      ask(id, method, params, deadlineMs).catch((reason: unknown) => {
        if (reason instanceof Refusal && reason.code === 'peer.unknown') introductions.forget(id)
        throw reason
      }),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    introduce: (ids) => introductions.introduce(ids),
    async close() {
      await Promise.all([...members.values()].map((member) => member.close()))
    },
  }
}
