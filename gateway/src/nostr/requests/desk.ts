import type { RefusalCode } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { Digest } from '@quorate/shared/wire/ids'
import type { BunkerStore } from '../../store/bunkers.ts'
import type { Bunker } from '../bunker.ts'
import type { ProgramSignings } from '../ports.ts'
import type { Alarm } from '../relays/alarm.ts'
import type { OpenRequests } from './open-requests.ts'
import type { Tools as Turns } from './turns.ts'

/** What became of a request, for logs and metrics. `seconds`: since its event came, until a relay had the answer. */
export type RequestEvents = Readonly<{
  clientAnswered(at: { keyId: string; eventId: string; outcome: string; code: RefusalCode | null }): void
  answerPublished(at: { keyId: string; eventId: string; seconds: number }): void
  clientDropped(at: { keyId: string; why: 'full' | 'invalid' | 'unanswerable' }): void
}>

export type RequestPorts = Readonly<{
  store: BunkerStore
  signings: ProgramSignings
  turns: Turns
  alarm: Alarm
  clock: () => number
  events: RequestEvents
  /** Brings an answer to the relays where its program listens. True when one has it. */
  publish: (bunker: Bunker, answer: Envelope) => Promise<boolean>
  /** Something waits for owners, waits no more, or stands in the log. */
  changed: (bunker: Bunker) => void
  failed: (error: unknown) => void
}>

/** What every step of a request has at hand. `run`: does something about an event after what is under way for it. It never rejects. */
export type Desk = RequestPorts &
  Readonly<{ open: OpenRequests; run: (eventId: Digest, work: () => Promise<void>) => Promise<void> }>
