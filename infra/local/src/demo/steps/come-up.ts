import { Quorate } from '@quorate/client'
import { startFleet, type Fleet } from '../../fleet/fleet.ts'
import type { FleetEvent } from '../../fleet/events.ts'
import { shortPcr } from '../../fleet/screen.ts'
import type { Stage } from '../stage.ts'

/** Starts a fleet on this state and shows how its processes arrive. */
export async function comeUp(
  stage: Stage,
  what: string,
  { state, port, sees }: Readonly<{ state: string; port: number; sees: string }>,
): Promise<Fleet> {
  const onEvent = (event: FleetEvent) => show(stage, event, sees)
  const count = ({ names }: Fleet) => `${names.length} processes`
  const fleet = await stage.timed(
    what,
    () => startFleet({ port, state, onEvent, gatewayEnv: { QUORATE_RELAYS: 'ws://127.0.0.1:*' } }),
    (up) => `(${count(up)})`,
  )
  return fleet
}

function show(stage: Stage, event: FleetEvent, sees: string): void {
  if (!('name' in event)) return
  const { name, type } = event
  if (name === 'gateway') stage.gateway(type === 'ready' ? sees : null)
  if (!name.startsWith('enclave-')) return
  if (type === 'started') stage.enclave(name, { mark: 'starting' })
  if (type === 'ready') stage.enclave(name, { mark: 'running' })
  if (type === 'exited') stage.enclave(name, { mark: event.restartIn === null ? 'off' : 'dead' })
}

/** Has each enclave prove itself to a nonce of ours. Gives their signing keys: who they are. */
export async function attestAll(stage: Stage, fleet: Fleet): Promise<ReadonlyMap<string, string>> {
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
  const identities = new Map<string, string>()
  const since = performance.now()
  for (const id of fleet.enclaveIds) {
    const attested = await stage.timed(
      `${id} proves itself:`,
      () => quorate.attest(id),
      ({ document }) => `my nonce, five certificates, PCR0 ${shortPcr(document.pcrs['0'] ?? '')}`,
    )
    identities.set(id, attested.identity.signKey)
    stage.enclave(id, { mark: 'attested' })
  }
  stage.keep('three attestations, verified', performance.now() - since)
  return identities
}
