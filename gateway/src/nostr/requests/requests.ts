import type { Envelope } from '@quorate/shared/nostr/event'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { ClientRequest, StoredRequest } from '../../store/bunkers.ts'
import type { Bunker } from '../bunker.ts'
import { Serial } from '../serial.ts'
import type { Desk, RequestPorts } from './desk.ts'
import { publish } from './end.ts'
import { OpenRequests, type OpenRequest } from './open-requests.ts'
import { keepWord } from './owner-word.ts'
import { signingEnded } from './signed.ts'
import { begin, takeRequest, takeUp } from './taken.ts'

/** Requests of programs from their coming to their answer. What is done for one is done in turn, and saved before it is told. */
export class Requests {
  readonly #desk: Desk
  readonly #open: OpenRequests
  readonly #serial = new Serial()
  readonly #stopListening: () => void

  constructor(ports: RequestPorts) {
    this.#open = new OpenRequests(ports)
    this.#desk = { ...ports, open: this.#open, run: (eventId, work) => this.#run(eventId, work) }
    this.#stopListening = ports.signings.onEnded((signingId, outcome) => {
      void signingEnded(this.#desk, signingId, outcome)
    })
  }

  /** Those of a key that wait for its owners, in the order in which they came. */
  waiting(bunker: Bunker): OpenRequest[] {
    return this.#open.waiting(bunker)
  }

  /** Takes up what the store has of an event, or begins with it. Resolves when its fate is known, or rests with others. Never rejects. */
  arrive(bunker: Bunker, event: Envelope): Promise<void> {
    return this.#run(event.id, async () => {
      const open = this.#open.get(event.id)
      const stored = open === undefined ? await this.#desk.store.loadClientRequest(event.id) : null
      if (open?.state.stage.name === 'waiting') publish(this.#desk, bunker, open.state, open.state.stage.told)
      else if (stored !== null) await takeUp(this.#desk, bunker, stored)
      else if (open === undefined) await begin(this.#desk, bunker, event)
    })
  }

  /** Goes on with a request where it stood when it was written. Never rejects. */
  resume(bunker: Bunker, stored: StoredRequest): Promise<void> {
    return this.#run(stored.eventId, async () => {
      if (!this.#open.has(stored.eventId)) await takeUp(this.#desk, bunker, stored)
    })
  }

  /** Owners have said something new: what waits is looked at again. Never rejects. */
  async lookAgain(bunker: Bunker): Promise<void> {
    await Promise.all(this.waiting(bunker).map(({ state }) => this.retake(state.event.id)))
  }

  retake(eventId: Digest): Promise<void> {
    return this.#run(eventId, async () => {
      const open = this.#open.get(eventId)
      if (open?.state.stage.name === 'waiting') await takeRequest(this.#desk, open)
    })
  }

  /** Keeps an owner's word on a request. `use` says whether it counts, and rejects if not. */
  decide(
    bunker: Bunker,
    eventId: Digest,
    approval: Approval,
    use: (state: ClientRequest) => Promise<void>,
  ): Promise<ClientRequest> {
    const { store } = this.#desk
    return this.#serial.run(eventId, () => keepWord(this.#open, store, bunker, { eventId, approval, use }))
  }

  /** A line of a host's log is on its way into the store. */
  awaits(signingId: SigningId, written: Promise<unknown>): void {
    const open = this.#open.ofSigning(signingId)
    if (open !== undefined) this.#open.awaits(open, written)
  }

  /** What a program waits for is there, before its signing has ended. Resolves when it is written. Never rejects. */
  answered(signingId: SigningId, answer: Envelope): Promise<void> {
    return signingEnded(this.#desk, signingId, { answer })
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
      this.#desk.failed(error)
    })
  }
}
