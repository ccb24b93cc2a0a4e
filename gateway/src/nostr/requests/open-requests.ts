import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { BunkerStore, ClientRequest, LoggedEntry } from '../../store/bunkers.ts'
import type { Bunker } from '../bunker.ts'

/** A request without an answer. `cancel` takes back what is set for its end. `writing`: what is on its way into the store. */
export type OpenRequest = {
  readonly bunker: Bunker
  version: number
  state: ClientRequest
  signingId: SigningId | null
  writing: Promise<unknown>
  cancel: () => void
}

/** Requests of one bunker that may wait for its owners: programs that want to connect, and others. Together as many as a list shows. */
const MOST = { connects: 20, others: 80 }

/**
 * Which of those that wait make room for one more of this client: the oldest where there are too many of its kind, and an earlier `connect` of the
 * same client.
 */
export function displaced(waiting: readonly OpenRequest[], client: string, isConnect: boolean): OpenRequest[] {
  const alike = waiting.filter((one) => (one.state.asked?.request === null) === isConnect)
  const tooMany = Math.max(0, alike.length + 1 - (isConnect ? MOST.connects : MOST.others))
  return alike.filter((one, at) => at < tooMany || (isConnect && one.state.event.pubkey === client))
}

type Ports = Readonly<{ store: Pick<BunkerStore, 'saveClientRequest'>; changed: (bunker: Bunker) => void }>

/** The requests that this gateway is about, as they are in the store. */
export class OpenRequests {
  readonly #ports: Ports
  readonly #open = new Map<Digest, OpenRequest>()
  readonly #bySigning = new Map<SigningId, OpenRequest>()

  constructor(ports: Ports) {
    this.#ports = ports
  }

  get(eventId: Digest): OpenRequest | undefined {
    return this.#open.get(eventId)
  }

  has(eventId: Digest): boolean {
    return this.#open.has(eventId)
  }

  ofSigning(signingId: SigningId): OpenRequest | undefined {
    return this.#bySigning.get(signingId)
  }

  /** Those of a bunker that wait for its owners, in the order in which they came. */
  waiting(bunker: Bunker): OpenRequest[] {
    return [...this.#open.values()].filter((one) => one.bunker === bunker && one.state.stage.name === 'waiting')
  }

  keep(bunker: Bunker, { version, state }: Pick<OpenRequest, 'version' | 'state'>): OpenRequest {
    const open: OpenRequest = {
      bunker,
      version,
      state,
      signingId: null,
      writing: Promise.resolve(),
      cancel: () => undefined,
    }
    this.#open.set(state.event.id, open)
    return open
  }

  /** This signing is for this request. */
  signs(open: OpenRequest, signingId: SigningId): void {
    open.signingId = signingId
    this.#bySigning.set(signingId, open)
  }

  forget(eventId: Digest): void {
    const open = this.#open.get(eventId)
    if (open === undefined) return
    open.cancel()
    this.#open.delete(eventId)
    if (open.signingId !== null) this.#bySigning.delete(open.signingId)
    if (open.state.asked !== null) this.#ports.changed(open.bunker)
  }

  /** Something of this request is on its way into the store. Nothing is published before it is there. */
  awaits(open: OpenRequest, written: Promise<unknown>): void {
    const both = Promise.all([open.writing, written])
    // Whoever publishes hears of what fails.
    both.catch(() => undefined)
    open.writing = both
  }

  /** Writes a request at its next stage, with lines of the log, once what was begun before is written. */
  async save(open: OpenRequest, state: ClientRequest, lines: readonly LoggedEntry[], durable: boolean): Promise<void> {
    const { store, changed } = this.#ports
    await open.writing
    const { bunker, version } = open
    const change = { eventId: state.event.id, keyId: bunker.keyId, expected: version, state }
    open.version = await store.saveClientRequest(change, lines, durable)
    open.state = state
    if (lines.length > 0) changed(bunker)
  }

  close(): void {
    for (const { cancel } of this.#open.values()) cancel()
  }
}
