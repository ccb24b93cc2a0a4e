import { LIFETIME } from '@quorate/shared/verify/client-request'
import type { Taken } from '@quorate/shared/wire/bunker'
import type { BunkerSeat } from '../bunker.ts'
import type { Desk } from './desk.ts'
import { endRefused, publish } from './end.ts'
import { displaced, type OpenRequest } from './open-requests.ts'

/** A request waits for its owners, as long as it counts. */
export function awaitOwners(desk: Desk, open: OpenRequest): void {
  const { alarm, clock, changed } = desk
  const { state, bunker } = open
  open.cancel()
  const ms = Math.max(0, (state.asked?.expiresAt ?? 0) - clock())
  open.cancel = alarm(ms, () => {
    void desk.run(state.event.id, () => endRefused(desk, open, 'signing.expired'))
  })
  changed(bunker)
}

/** It has waited in vain. */
function displace(desk: Desk, one: OpenRequest): void {
  void desk.run(one.state.event.id, async () => {
    const isOpen = desk.open.get(one.state.event.id) === one && one.state.stage.name === 'waiting'
    if (isOpen) await endRefused(desk, one, 'nostr.full')
  })
}

/** Lays a request out for its owners, and tells its program so. Of one that waits already, what its owners see is written anew. */
export async function askOwners(
  desk: Desk,
  open: OpenRequest,
  seat: BunkerSeat,
  { owners, request, pending, entry, answer }: Extract<Taken, { does: 'ask' }>,
): Promise<void> {
  const { bunker, state } = open
  const { event, stage } = state
  const expiresAt = request?.body.expiresAt ?? event.created_at * 1_000 + LIFETIME
  const asked = { owners, request, pending, expiresAt, by: seat.host, entry }
  const isNew = stage.name !== 'waiting'
  if (isNew) for (const one of displaced(desk.open.waiting(bunker), event.pubkey, request === null)) displace(desk, one)
  const told = isNew ? answer : stage.told
  const next = { ...state, asked, stage: { name: 'waiting' as const, told } }
  await desk.open.save(open, next, [{ entry, signingId: null }], true)
  if (!isNew) return
  awaitOwners(desk, open)
  desk.events.clientAnswered({ keyId: bunker.keyId, eventId: event.id, outcome: 'asked', code: null })
  publish(desk, bunker, state, told)
}
