import type { RefusalCode } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { LogEntry } from '@quorate/shared/wire/bunker'
import type { ClientRequest } from '../../store/bunkers.ts'
import type { Bunker } from '../bunker.ts'
import type { Desk } from './desk.ts'
import type { OpenRequest } from './open-requests.ts'
import { refuse } from './turns.ts'

/** Nobody waits for the relays. */
export function publish(desk: Desk, bunker: Bunker, { event, cameAt }: ClientRequest, answer: Envelope | null): void {
  if (answer === null) return
  const { clock, events, failed } = desk
  void desk.publish(bunker, answer).then((isTaken) => {
    const seconds = (clock() - cameAt) / 1_000
    if (isTaken) events.answerPublished({ keyId: bunker.keyId, eventId: event.id, seconds })
  }, failed)
}

type Ended = Readonly<{ answer: Envelope | null; outcome: string; code?: RefusalCode }>

/** The answer is saved before it is published. */
export async function end(
  desk: Desk,
  open: OpenRequest,
  entries: readonly LogEntry[],
  { answer, outcome, code }: Ended,
): Promise<void> {
  const { bunker, state } = open
  const eventId = state.event.id
  const lines = entries.map((entry) => ({ entry, signingId: null }))
  await desk.open.save(open, { ...state, stage: { name: 'answered', answer } }, lines, true)
  desk.open.forget(eventId)
  desk.events.clientAnswered({ keyId: bunker.keyId, eventId, outcome, code: code ?? null })
  publish(desk, bunker, state, answer)
}

/** Ends with an error, which a host says and writes into its log. */
export async function endRefused(desk: Desk, open: OpenRequest, code: RefusalCode): Promise<void> {
  const said = await refuse(desk.turns, open.bunker, open.state.event, code)
  const entries = said === null ? [] : [said.entry]
  await end(desk, open, entries, { answer: said?.answer ?? null, outcome: 'refused', code })
}
