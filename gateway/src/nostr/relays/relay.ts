import { randomBytes } from 'node:crypto'
import { oldestArrival } from '@quorate/shared/nostr/arrival'
import type { SignedEvent } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { delayAfter } from '../../engine/back-off.ts'
import type { Alarm } from './alarm.ts'
import { readFrame, reasonOf, requestsTo, write, type Frame } from './frames.ts'
import { Outbox, type Published } from './outbox.ts'
import type { Line, OpenLine } from './line.ts'

/** Times in ms. `quiet`: after which a relay that says nothing is asked whether it is there; `answer`: how long it may take to say so. */
export type RelayTimes = Readonly<{
  quiet: number
  answer: number
  reconnect: Readonly<{ first: number; longest: number }>
  /** A connection that lasted so long was a good one: the next one is tried at once. */
  good: number
}>

export const relayTimes: RelayTimes = {
  quiet: 5_000,
  answer: 4_000,
  reconnect: { first: 100, longest: 60_000 },
  good: 1_000,
}

/** Signers in one subscription. */
const MOST_SIGNERS = 250

/** What became of a connection. One that nobody wants any more is `left`. */
export type RelayChange = 'connected' | 'lost' | 'left'

export type RelayPorts = Readonly<{
  open: OpenLine
  alarm: Alarm
  clock: () => number
  times: RelayTimes
  /** An event for one of the signers, as it came: nobody has verified it. */
  heard: (event: unknown) => void
  /** NIP-42's event of this signer. */
  authenticate: (signer: NostrKey, challenge: string) => Promise<SignedEvent>
  changed: (to: RelayChange) => void
  /** The relay has refused an event for good, or one was given up. */
  refused: () => void
}>

/**
 * One relay, for all signers that listen there: connected for as long as this lives. After each loss all is subscribed anew from `oldestArrival`
 * before now on, so that what came meanwhile is heard if the relay has kept it.
 */
export class Relay {
  readonly #ports: RelayPorts
  readonly #url: string
  readonly #outbox = new Outbox()
  #signers: readonly NostrKey[] = []
  #line: Line | null = null
  #openedAt: number | null = null
  #failures = 0
  #closed = false
  #cancel: () => void = () => undefined
  /** The name of the question whether the relay is there. */
  #ping: string | null = null
  #challenge: string | null = null
  /** The relay has demanded that we show who we are: so it will again. */
  #demands = false
  /** Which signers have shown themselves over this connection, or are about to. By the event's id, once it is sent. */
  readonly #shown = new Map<NostrKey, string>()

  constructor(url: string, ports: RelayPorts) {
    this.#url = url
    this.#ports = ports
    this.#connect()
  }

  get isConnected(): boolean {
    return this.#openedAt !== null
  }

  /** Does anybody need the connection? */
  get isWanted(): boolean {
    return this.#signers.length > 0 || this.#outbox.size > 0
  }

  listen(signers: readonly NostrKey[]): void {
    const isSame = signers.length === this.#signers.length && signers.every((one, at) => one === this.#signers[at])
    if (isSame) return
    const before = Math.ceil(this.#signers.length / MOST_SIGNERS)
    this.#signers = signers
    this.#subscribe(before)
    this.#authenticate()
  }

  /** Resolves when the relay has taken the event, with false when it has not and will not. */
  async publish(event: Published): Promise<boolean> {
    const taken = this.#outbox.put(event, write.event(event), this.#ports.clock())
    this.#post()
    const isTaken = await taken
    if (!isTaken) this.#ports.refused()
    return isTaken
  }

  close(): void {
    this.#closed = true
    this.#cancel()
    this.#outbox.close()
    const line = this.#line
    this.#line = null
    line?.close()
    if (this.#openedAt !== null) this.#ports.changed('left')
    this.#openedAt = null
  }

  #connect(): void {
    const line = this.#ports.open(this.#url, {
      opened: () => this.#line === line && this.#opened(),
      said: (text) => this.#line === line && this.#said(text),
      lost: () => this.#line === line && this.#lost(),
    })
    this.#line = line
  }

  #opened(): void {
    this.#openedAt = this.#ports.clock()
    this.#ports.changed('connected')
    this.#subscribe()
    this.#post()
    this.#watch()
  }

  #lost(): void {
    const { clock, times, alarm, changed } = this.#ports
    const wasGood = this.#openedAt !== null && clock() - this.#openedAt >= times.good
    if (this.#openedAt !== null) changed('lost')
    this.#line = null
    this.#openedAt = null
    this.#challenge = null
    this.#shown.clear()
    this.#outbox.unsend()
    this.#failures = wasGood ? 1 : this.#failures + 1
    this.#cancel()
    this.#cancel = alarm(delayAfter(this.#failures, times.reconnect), () => this.#closed || this.#connect())
  }

  /** Gives up a connection that is of no use, as if it were lost. */
  #drop(): void {
    const line = this.#line
    this.#lost()
    line?.close()
  }

  /** Asks whether the relay is there when it has said nothing for a while: who is gone silently does not answer. */
  #watch(): void {
    const { alarm, times } = this.#ports
    this.#ping = null
    this.#cancel()
    this.#cancel = alarm(times.quiet, () => {
      this.#ping = `ping-${randomBytes(4).toString('hex')}`
      this.#send(write.request(this.#ping, { ids: [randomBytes(32).toString('hex')], limit: 1 }))
      this.#post()
      this.#authenticate()
      this.#cancel = alarm(times.answer, () => this.#drop())
    })
  }

  #subscribe(before = 0): void {
    const since = Math.floor(this.#ports.clock() / 1_000) - oldestArrival
    const many = Math.ceil(this.#signers.length / MOST_SIGNERS)
    for (let at = 0; at < many; at += 1) {
      const some = this.#signers.slice(at * MOST_SIGNERS, (at + 1) * MOST_SIGNERS)
      this.#send(write.request(`requests-${at}`, requestsTo(some, since)))
    }
    for (let at = many; at < before; at += 1) this.#send(write.close(`requests-${at}`))
  }

  #post(): void {
    if (this.#openedAt === null) return
    for (const text of this.#outbox.due(this.#ports.clock())) this.#send(text)
  }

  #send(text: string): void {
    if (this.#openedAt !== null) this.#line?.send(text)
  }

  #said(text: string): void {
    const frame = readFrame(text)
    if (frame === null) return
    const wasPing = 'subscription' in frame && frame.subscription === this.#ping
    if (wasPing && frame.type === 'eose') this.#send(write.close(frame.subscription))
    // Whatever it says, it is there.
    this.#watch()
    if (!wasPing) this.#take(frame)
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case 'event':
        if (frame.subscription.startsWith('requests-')) this.#ports.heard(frame.event)
        return
      case 'ok':
        this.#answered(frame)
        return
      case 'closed':
        if (frame.subscription.startsWith('requests-')) this.#refusedSubscription(frame.why)
        return
      case 'auth':
        this.#challenge = frame.challenge
        this.#shown.clear()
        if (this.#demands) this.#authenticate()
        return
      case 'eose':
        return
    }
  }

  #answered({ id, isTaken, why }: Extract<Frame, { type: 'ok' }>): void {
    if ([...this.#shown.values()].includes(id)) {
      if (!isTaken) return
      this.#subscribe()
      this.#outbox.unsend()
      this.#post()
      return
    }
    if (this.#outbox.answered(id, isTaken, why) === 'auth-required') this.#demanded()
  }

  #demanded(): void {
    this.#demands = true
    this.#authenticate()
  }

  /** A relay that hears us for no other reason is left for a while. */
  #refusedSubscription(why: string): void {
    const isNew = this.#signers.some((signer) => !this.#shown.has(signer))
    if (reasonOf(why) === 'auth-required' && isNew) this.#demanded()
    else if (reasonOf(why) !== 'auth-required') this.#drop()
  }

  /** Shows each signer that has not shown itself, where the relay demands it. */
  #authenticate(): void {
    const challenge = this.#challenge
    const line = this.#line
    if (!this.#demands || challenge === null) return
    for (const signer of this.#signers.filter((one) => !this.#shown.has(one))) {
      this.#shown.set(signer, '')
      const isOfNow = () => this.#line === line && this.#challenge === challenge
      this.#ports.authenticate(signer, challenge).then(
        (event) => {
          if (!isOfNow()) return
          this.#shown.set(signer, event.id)
          this.#send(write.auth(event))
        },
        () => isOfNow() && this.#shown.delete(signer),
      )
    }
  }
}
