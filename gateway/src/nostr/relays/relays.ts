import type { SignedEvent } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { realAlarm, type Alarm } from './alarm.ts'
import { openLine, type OpenLine } from './line.ts'
import type { Published } from './outbox.ts'
import { Relay, relayTimes, type RelayChange, type RelayTimes } from './relay.ts'

/** Which signers listen at which relay. */
export type Listening = ReadonlyMap<string, readonly NostrKey[]>

/** What happens at relays. `relay`: its address. */
export type RelayEvents = Readonly<{
  relayChanged(at: { relay: string; to: RelayChange }): void
  /** So many relays are named by books, and may be connected to. */
  relaysWanted(at: { many: number }): void
  /** A relay has not taken an event, and will not. */
  eventRefused(at: { relay: string }): void
  /** More relays are wanted than the gateway connects to. */
  relaysFull(at: { relay: string }): void
}>

export type RelaysPorts = Readonly<{
  clock: () => number
  events: RelayEvents
  authenticate: (signer: NostrKey, relay: string, challenge: string) => Promise<SignedEvent>
  /** An event for one of the signers, as it came from a relay. */
  heard: (event: unknown) => void
  alarm?: Alarm
  open?: OpenLine
  times?: Partial<RelayTimes>
}>

/** Relays at a time. */
const MOST_RELAYS = 256

/** All relays of the gateway's bunkers: one connection to each. */
export class Relays {
  readonly #ports: RelaysPorts
  readonly #relays = new Map<string, Relay>()
  #listening: Listening = new Map()
  #closed = false

  constructor(ports: RelaysPorts) {
    this.#ports = ports
  }

  /** These signers at these relays, and no others. */
  listen(listening: Listening): void {
    this.#listening = listening
    this.#ports.events.relaysWanted({ many: listening.size })
    for (const [url, relay] of this.#relays) if (!listening.has(url)) relay.listen([])
    for (const [url, signers] of listening) this.#at(url)?.listen(signers)
    this.#tidy()
  }

  isConnected(url: string): boolean {
    return this.#relays.get(url)?.isConnected ?? false
  }

  /** Keeps trying at each relay. Resolves with true when the first has taken the event, with false when none has and none will. */
  async publish(urls: readonly string[], event: Published): Promise<boolean> {
    const each = urls.flatMap((url) => {
      const relay = this.#at(url)
      return relay === null ? [] : [relay.publish(event)]
    })
    const all = Promise.all(each).then((taken) => {
      this.#tidy()
      return taken.includes(true)
    })
    const first = each.map((taken) => taken.then((isTaken) => (isTaken ? true : all)))
    return Promise.race([...first, all])
  }

  close(): void {
    this.#closed = true
    for (const relay of this.#relays.values()) relay.close()
    this.#relays.clear()
  }

  #at(url: string): Relay | null {
    const known = this.#relays.get(url)
    if (known !== undefined || this.#closed) return known ?? null
    if (this.#relays.size >= MOST_RELAYS) {
      this.#ports.events.relaysFull({ relay: url })
      return null
    }
    const { clock, events, authenticate, heard, alarm = realAlarm, open = openLine, times } = this.#ports
    const relay = new Relay(url, {
      clock,
      alarm,
      open,
      heard,
      times: { ...relayTimes, ...times },
      authenticate: (signer, challenge) => authenticate(signer, url, challenge),
      changed: (to) => events.relayChanged({ relay: url, to }),
      refused: () => events.eventRefused({ relay: url }),
    })
    this.#relays.set(url, relay)
    return relay
  }

  /** Leaves relays where nobody listens and that have all that they are to have. */
  #tidy(): void {
    for (const [url, relay] of this.#relays) {
      if (this.#listening.has(url) || relay.isWanted) continue
      this.#relays.delete(url)
      relay.close()
    }
  }
}
