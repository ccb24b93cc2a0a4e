import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import { LIFETIME } from '@quorate/shared/verify/client-request'
import type { LogEntry, Taken } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { Commitment } from '@quorate/shared/wire/signing'
import type { BunkerStore, ClientRequest, RequestStage, StoredRequest } from '../store/bunkers.ts'
import type { Bunker, BunkerSeat } from './bunker.ts'
import type { ProgramOutcome, ProgramSignings } from './ports.ts'
import { keepWord } from './owner-word.ts'
import { displaced, OpenRequests, type OpenRequest } from './open-requests.ts'
import { withBindings } from './record.ts'
import type { Alarm } from './relays/alarm.ts'
import { Serial } from './serial.ts'
import { isOfEvent, refuse, show, take } from './turns.ts'

/** What became of a request, for logs and metrics. `seconds`: since its event came, until a relay had the answer. */
export type RequestEvents = Readonly<{
  clientAnswered(at: { keyId: string; eventId: string; outcome: string; code: RefusalCode | null }): void
  answerPublished(at: { keyId: string; eventId: string; seconds: number }): void
  clientDropped(at: { keyId: string; why: 'full' | 'invalid' | 'unanswerable' }): void
}>

export type RequestPorts = Readonly<{
  store: BunkerStore
  signings: ProgramSignings
  turns: Parameters<typeof take>[0]
  alarm: Alarm
  clock: () => number
  events: RequestEvents
  /** Brings an answer to the relays where its program listens. True when one has it. */
  publish: (bunker: Bunker, answer: Envelope) => Promise<boolean>
  /** Something waits for owners, waits no more, or stands in the log. */
  changed: (bunker: Bunker) => void
  failed: (error: unknown) => void
}>

/** What a host has seen, of what it says to an event. */
const bindingsIn = ({ seat, said }: Readonly<{ seat: BunkerSeat; said: Taken }>) =>
  said.does === 'answer' ? said.bindings.map((binding) => ({ host: seat.signKey, binding })) : []

type Ended = Readonly<{ answer: Envelope | null; outcome: string; code?: RefusalCode }>

const taken: RequestStage = { name: 'taken' }

/** Requests of programs from their coming to their answer. What is done for one is done in turn, and saved before it is told. */
export class Requests {
  readonly #ports: RequestPorts
  readonly #open: OpenRequests
  readonly #serial = new Serial()
  readonly #stopListening: () => void

  constructor(ports: RequestPorts) {
    this.#ports = ports
    this.#open = new OpenRequests(ports)
    this.#stopListening = ports.signings.onEnded((signingId, outcome) => this.#signingEnded(signingId, outcome))
  }

  /** Those of a key that wait for its owners, in the order in which they came. */
  waiting(bunker: Bunker): OpenRequest[] {
    return this.#open.waiting(bunker)
  }

  /** Takes up what the store has of an event, or begins with it. Resolves when its fate is known, or rests with others. Never rejects. */
  arrive(bunker: Bunker, event: Envelope): Promise<void> {
    return this.#run(event.id, async () => {
      const open = this.#open.get(event.id)
      const stored = open === undefined ? await this.#ports.store.loadClientRequest(event.id) : null
      if (open?.state.stage.name === 'waiting') await this.#publish(bunker, open.state, open.state.stage.told)
      else if (stored !== null) await this.#takeUp(bunker, stored)
      else if (open === undefined) await this.#begin(bunker, event)
    })
  }

  /** Goes on with a request where it stood when it was written. Never rejects. */
  resume(bunker: Bunker, stored: StoredRequest): Promise<void> {
    return this.#run(stored.eventId, async () => {
      if (!this.#open.has(stored.eventId)) await this.#takeUp(bunker, stored)
    })
  }

  /** Owners have said something new: what waits is looked at again. Never rejects. */
  async lookAgain(bunker: Bunker): Promise<void> {
    await Promise.all(this.waiting(bunker).map(({ state }) => this.retake(state.event.id)))
  }

  retake(eventId: Digest): Promise<void> {
    return this.#run(eventId, async () => {
      const open = this.#open.get(eventId)
      if (open?.state.stage.name === 'waiting') await this.#take(open)
    })
  }

  /** Keeps an owner's word on a request. `use` says whether it counts, and rejects if not. */
  decide(
    bunker: Bunker,
    eventId: Digest,
    approval: Approval,
    use: (state: ClientRequest) => Promise<void>,
  ): Promise<ClientRequest> {
    return this.#serial.run(eventId, () => keepWord(this.#open, this.#ports.store, bunker, { eventId, approval, use }))
  }

  async close(): Promise<void> {
    this.#stopListening()
    this.#open.close()
    await this.#serial.idle()
  }

  #run(eventId: Digest, work: () => Promise<void>): Promise<void> {
    return this.#serial.run(eventId, work).catch((error: unknown) => {
      // It is in the store as it was, and is taken up when its event comes again.
      this.#open.forget(eventId)
      this.#ports.failed(error)
    })
  }

  async #begin(bunker: Bunker, event: Envelope): Promise<void> {
    const { store, clock } = this.#ports
    const state: ClientRequest = { event, cameAt: clock(), approvals: [], asked: null, stage: taken }
    const open = this.#open.keep(bunker, { version: 1, state })
    // What it asks for is read meanwhile; whatever comes of that waits until it is written.
    const change = { eventId: event.id, keyId: bunker.keyId, expected: 0, state }
    this.#open.awaits(open, store.saveClientRequest(change, [], false))
    try {
      await this.#take(open)
    } catch (error) {
      // Another gateway on this database has it.
      if (!(error instanceof Refusal) || error.code !== 'session.conflict') throw error
      this.#open.forget(event.id)
    }
  }

  async #takeUp(bunker: Bunker, { keyId, version, state }: StoredRequest): Promise<void> {
    if (keyId !== bunker.keyId) return
    const { stage } = state
    if (stage.name === 'answered') return this.#publish(bunker, state, stage.answer)
    const open = this.#open.keep(bunker, { version, state })
    switch (stage.name) {
      case 'taken':
        return this.#take(open)
      case 'waiting':
        this.#waits(open)
        return this.#publish(bunker, state, stage.told)
      case 'signing': {
        this.#open.signs(open, stage.signingId)
        const outcome = await this.#outcome(stage.signingId)
        if (outcome === 'unknown') return this.#take(open)
        if (outcome !== null) return this.#finish(open, outcome)
      }
    }
  }

  async #outcome(signingId: SigningId): Promise<ProgramOutcome | null | 'unknown'> {
    try {
      return await this.#ports.signings.outcome(signingId)
    } catch (error) {
      if (error instanceof Refusal && error.code === 'request.not_found') return 'unknown'
      throw error
    }
  }

  async #take(open: OpenRequest): Promise<void> {
    const { bunker, state } = open
    const { event, approvals, asked } = state
    const ask = { event, consents: approvals, ...(asked === null ? {} : { first: asked.by }) }
    let took: Awaited<ReturnType<typeof take>>
    try {
      took = await take(this.#ports.turns, bunker, ask)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'gateway.draining') throw error
      if (!isOfEvent(error) || asked !== null) return this.#refuse(open, error.code)
      this.#ports.events.clientDropped({ keyId: bunker.keyId, why: 'unanswerable' })
      return this.#end(open, [], { answer: null, outcome: 'dropped', code: error.code })
    }
    const { seat, said, commitments } = took
    bunker.noteSigners(event.pubkey, said.does === 'sign' ? said.willing : [])
    switch (said.does) {
      case 'answer':
        return this.#answered(open, seat, said)
      case 'sign':
        return this.#sign(open, said, commitments)
      case 'ask':
        return this.#asked(open, seat, said)
    }
  }

  /** A binding is shown to every host that is there before the program hears that it is bound. */
  async #answered(open: OpenRequest, seat: BunkerSeat, said: Extract<Taken, { does: 'answer' }>): Promise<void> {
    const { bunker, state } = open
    const { event, approvals: consents } = state
    const entries = [said.entry]
    if (said.bindings.length > 0) {
      const others = await show(this.#ports.turns, bunker, { event, consents }, seat)
      entries.push(...others.map((other) => other.said.entry))
      const words = [{ seat, said }, ...others].flatMap(bindingsIn)
      await bunker.change((record) => withBindings(record, words))
      bunker.missed([seat, ...others.map((other) => other.seat)])
    }
    await this.#end(open, entries, { answer: said.answer, outcome: 'answered' })
  }

  async #sign(
    open: OpenRequest,
    { request, willing, entry }: Extract<Taken, { does: 'sign' }>,
    commitments: readonly Commitment[],
  ): Promise<void> {
    const { bunker, state } = open
    const { event, approvals } = state
    const { signingId } = request.body
    bunker.served(event.pubkey)
    this.#open.signs(open, signingId)
    // What was begun before a request is written would be begun without one.
    await open.writing
    const stage = { name: 'signing' as const, signingId }
    const saved = this.#open.save(open, { ...state, stage }, [{ entry, signingId }], false)
    this.#open.awaits(open, saved)
    const code = await this.#ports.signings
      .begin({ event, signer: bunker.signer, request, willing, approvals, commitments })
      .catch((error: unknown) => {
        if (error instanceof Refusal) return error.code
        throw error
      })
    await open.writing
    if (code !== undefined) return this.#refuse(open, code)
    // One that was begun before may have ended meanwhile, unheard.
    const outcome = await this.#outcome(signingId)
    if (outcome !== null && outcome !== 'unknown') await this.#finish(open, outcome)
  }

  async #asked(open: OpenRequest, seat: BunkerSeat, said: Extract<Taken, { does: 'ask' }>): Promise<void> {
    const { bunker, state } = open
    const { owners, request, pending, entry, answer } = said
    const expiresAt = request?.body.expiresAt ?? state.event.created_at * 1_000 + LIFETIME
    const asked = { owners, request, pending, expiresAt, by: seat.host }
    const isNew = state.stage.name !== 'waiting'
    if (isNew)
      for (const one of displaced(this.waiting(bunker), state.event.pubkey, request === null)) this.#displace(one)
    const told = state.stage.name === 'waiting' ? state.stage.told : answer
    await this.#open.save(
      open,
      { ...state, asked, stage: { name: 'waiting', told } },
      [{ entry, signingId: null }],
      true,
    )
    if (!isNew) return
    this.#waits(open)
    this.#ports.events.clientAnswered({ keyId: bunker.keyId, eventId: state.event.id, outcome: 'asked', code: null })
    await this.#publish(bunker, state, told)
  }

  /** It waits for its owners, as long as it counts. */
  #waits(open: OpenRequest): void {
    const { alarm, clock, changed } = this.#ports
    const { state, bunker } = open
    open.cancel()
    const ms = Math.max(0, (state.asked?.expiresAt ?? 0) - clock())
    open.cancel = alarm(ms, () => {
      void this.#run(state.event.id, () => this.#refuse(open, 'signing.expired'))
    })
    changed(bunker)
  }

  /** It has waited in vain. */
  #displace(one: OpenRequest): void {
    void this.#run(one.state.event.id, async () => {
      const isOpen = this.#open.get(one.state.event.id) === one && one.state.stage.name === 'waiting'
      if (isOpen) await this.#refuse(one, 'nostr.full')
    })
  }

  /** A line of a host's log is on its way into the store. */
  awaits(signingId: SigningId, written: Promise<unknown>): void {
    const open = this.#open.ofSigning(signingId)
    if (open !== undefined) this.#open.awaits(open, written)
  }

  /** What a program waits for is there, before its signing has ended. */
  answered(signingId: SigningId, answer: Envelope): void {
    this.#signingEnded(signingId, { answer })
  }

  #signingEnded(signingId: SigningId, outcome: ProgramOutcome): void {
    const open = this.#open.ofSigning(signingId)
    if (open === undefined) return
    const eventId = open.state.event.id
    void this.#run(eventId, async () => {
      const isOpen = this.#open.get(eventId) === open && open.state.stage.name === 'signing'
      if (isOpen) await this.#finish(open, outcome)
    })
  }

  #finish(open: OpenRequest, outcome: ProgramOutcome): Promise<void> {
    return 'code' in outcome
      ? this.#refuse(open, outcome.code)
      : this.#end(open, [], { answer: outcome.answer, outcome: 'signed' })
  }

  async #refuse(open: OpenRequest, code: RefusalCode): Promise<void> {
    const answer = await refuse(this.#ports.turns, open.bunker, open.state.event, code)
    await this.#end(open, [], { answer, outcome: 'refused', code })
  }

  async #end(open: OpenRequest, entries: readonly LogEntry[], { answer, outcome, code }: Ended): Promise<void> {
    const { bunker, state } = open
    const eventId = state.event.id
    const lines = entries.map((entry) => ({ entry, signingId: null }))
    await this.#open.save(open, { ...state, stage: { name: 'answered', answer } }, lines, true)
    this.#open.forget(eventId)
    this.#ports.events.clientAnswered({ keyId: bunker.keyId, eventId, outcome, code: code ?? null })
    await this.#publish(bunker, state, answer)
  }

  /** Nobody waits for the relays. */
  async #publish(bunker: Bunker, { event, cameAt }: ClientRequest, answer: Envelope | null): Promise<void> {
    if (answer === null) return
    const { publish, clock, events, failed } = this.#ports
    void publish(bunker, answer).then((isTaken) => {
      const seconds = (clock() - cameAt) / 1_000
      if (isTaken) events.answerPublished({ keyId: bunker.keyId, eventId: event.id, seconds })
    }, failed)
    return Promise.resolve()
  }
}
