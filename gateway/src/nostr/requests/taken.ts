import { Refusal } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { Taken } from '@quorate/shared/wire/bunker'
import type { ClientRequest, StoredRequest } from '../../store/bunkers.ts'
import type { Bunker, BunkerSeat } from '../bunker.ts'
import { withBindings } from '../record.ts'
import type { Desk } from './desk.ts'
import { end, endRefused, publish } from './end.ts'
import type { OpenRequest } from './open-requests.ts'
import { askOwners, awaitOwners } from './owners.ts'
import { finish, outcomeOf, sign } from './signed.ts'
import { isOfEvent, show, take, type Ask } from './turns.ts'

/** What a host has seen, of what it says to an event. */
const bindingsIn = ({ seat, said }: Readonly<{ seat: BunkerSeat; said: Taken }>) =>
  said.does === 'answer' ? said.bindings.map((binding) => ({ host: seat.signKey, binding })) : []

/** The host that laid an event out is asked before the others, and any host sees by its line that it did. */
const askOf = ({ event, approvals: consents, asked }: ClientRequest): Ask =>
  asked === null ? { event, consents, laidOut: null } : { event, consents, laidOut: asked.entry, first: asked.by }

/** A binding is shown to every host that is there before the program hears that it is bound. */
async function answered(
  desk: Desk,
  open: OpenRequest,
  seat: BunkerSeat,
  said: Extract<Taken, { does: 'answer' }>,
): Promise<void> {
  const { bunker, state } = open
  const entries = [said.entry]
  if (said.bindings.length > 0) {
    const others = await show(desk.turns, bunker, askOf(state), seat)
    entries.push(...others.map((other) => other.said.entry))
    const words = [{ seat, said }, ...others].flatMap(bindingsIn)
    await bunker.change((record) => withBindings(record, words))
    bunker.missed([seat, ...others.map((other) => other.seat)])
  }
  await end(desk, open, entries, { answer: said.answer, outcome: 'answered' })
}

/** Has a host take a request, and does what it says. */
export async function takeRequest(desk: Desk, open: OpenRequest): Promise<void> {
  const { bunker, state } = open
  const { asked } = state
  let took: Awaited<ReturnType<typeof take>>
  try {
    took = await take(desk.turns, bunker, askOf(state))
  } catch (error) {
    if (!(error instanceof Refusal) || error.code === 'gateway.draining') throw error
    if (!isOfEvent(error) || asked !== null) return endRefused(desk, open, error.code)
    desk.events.clientDropped({ keyId: bunker.keyId, why: 'unanswerable' })
    return end(desk, open, [], { answer: null, outcome: 'dropped', code: error.code })
  }
  const { seat, said, ahead } = took
  bunker.noteSigners(state.event.pubkey, said.does === 'sign' ? said.willing : [])
  switch (said.does) {
    case 'answer':
      return answered(desk, open, seat, said)
    case 'sign':
      return sign(desk, open, said, ahead)
    case 'ask':
      return askOwners(desk, open, seat, said)
  }
}

/** Begins with an event that the store has nothing of. */
export async function begin(desk: Desk, bunker: Bunker, event: Envelope): Promise<void> {
  const state: ClientRequest = { event, cameAt: desk.clock(), approvals: [], asked: null, stage: { name: 'taken' } }
  const open = desk.open.keep(bunker, { version: 1, state })
  // What it asks for is read meanwhile; whatever comes of that waits until it is written.
  const change = { eventId: event.id, keyId: bunker.keyId, expected: 0, state }
  desk.open.awaits(open, desk.store.saveClientRequest(change, [], false))
  try {
    await takeRequest(desk, open)
  } catch (error) {
    // Another gateway on this database has it.
    if (!(error instanceof Refusal) || error.code !== 'session.conflict') throw error
    desk.open.forget(event.id)
  }
}

/** Goes on with a request where it stood when it was written. */
export async function takeUp(desk: Desk, bunker: Bunker, { keyId, version, state }: StoredRequest): Promise<void> {
  if (keyId !== bunker.keyId) return
  const { stage } = state
  if (stage.name === 'answered') {
    publish(desk, bunker, state, stage.answer)
    return
  }
  const open = desk.open.keep(bunker, { version, state })
  switch (stage.name) {
    case 'taken':
      return takeRequest(desk, open)
    case 'waiting':
      awaitOwners(desk, open)
      publish(desk, bunker, state, stage.told)
      return
    case 'signing': {
      desk.open.signs(open, stage.signingId)
      const outcome = await outcomeOf(desk, stage.signingId)
      if (outcome === 'unknown') return takeRequest(desk, open)
      if (outcome !== null) return finish(desk, open, outcome)
    }
  }
}
