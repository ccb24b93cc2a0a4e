import { MAX_ANNOUNCED } from '@quorate/shared/ceremonies/bunker-methods'
import { Refusal } from '@quorate/shared/errors'
import type { SignedEvent } from '@quorate/shared/nostr/event'
import { delayAfter } from '../engine/back-off.ts'
import type { AttestedHost } from './attesting.ts'
import type { Bunker } from './bunker.ts'
import type { BunkerHosts } from './hosts.ts'
import type { Alarm } from './relays/alarm.ts'

/** How often a bunker announces itself, and how long it rests after a failure. ms */
const DAILY = 86_400_000
const SOON = 600_000
const RESTS = { first: 60_000, longest: 3_600_000 }

export type AnnouncerPorts = Readonly<{
  ask: BunkerHosts
  attest: (bunker: Bunker) => Promise<readonly AttestedHost[]>
  publish: (bunker: Bunker, event: SignedEvent) => Promise<boolean>
  alarm: Alarm
  failed: (error: unknown) => void
}>

/** Publishes what programs find a bunker by (NIP-89), and for each host what proves it: when its relays change, and each day. */
export class Announcer {
  readonly #ports: AnnouncerPorts
  readonly #due = new Map<Bunker, () => void>()
  #closed = false

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports
  }

  /** Now, and daily from then on. */
  announce(bunker: Bunker, failures = 0): void {
    this.#due.get(bunker)?.()
    this.#due.delete(bunker)
    if (this.#closed) return
    this.#once(bunker).then(
      () => this.#again(bunker, DAILY, 0),
      (error: unknown) => {
        if (!(error instanceof Refusal)) this.#ports.failed(error)
        this.#again(bunker, delayAfter(failures + 1, RESTS), failures + 1)
      },
    )
  }

  /** Not all at once, where the gateway has just started. */
  announceSoon(bunker: Bunker): void {
    this.#again(bunker, Math.random() * SOON, 0)
  }

  close(): void {
    this.#closed = true
    for (const cancel of this.#due.values()) cancel()
    this.#due.clear()
  }

  #again(bunker: Bunker, ms: number, failures: number): void {
    if (this.#closed) return
    this.#due.get(bunker)?.()
    this.#due.set(
      bunker,
      this.#ports.alarm(ms, () => this.announce(bunker, failures)),
    )
  }

  async #once(bunker: Bunker): Promise<void> {
    if (bunker.record.books.length === 0) return
    const { ask, attest, publish, failed } = this.#ports
    const hosts = [...(await attest(bunker))]
    const [seat] = await ask.available(bunker.keyId)
    if (seat === undefined) throw new Refusal('enclave.unreachable')
    await ask.ready(bunker, seat)
    // Nobody waits for the relays: each has it when it can.
    const tell = (event: SignedEvent) => void publish(bunker, event).catch(failed)
    for (let first = 0; first < hosts.length; first += MAX_ANNOUNCED) {
      const some = hosts.slice(first, first + MAX_ANNOUNCED)
      const { handler, proofs } = await ask.ask(bunker, seat, 'bunker.announce', { hosts: some })
      if (first === 0) tell(handler)
      proofs.forEach(tell)
    }
  }
}
