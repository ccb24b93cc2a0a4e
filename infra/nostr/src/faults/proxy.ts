import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { passAll, type Order } from './order.ts'
import { Pair, type Held } from './pair.ts'

const host = '127.0.0.1'
const LARGEST = 8 << 20

/** A relay behind faults. What goes wrong is ordered; nothing goes wrong by itself. */
export class Faults {
  readonly #server = new WebSocketServer({ host, port: 0, maxPayload: LARGEST, autoPong: false })
  readonly #pairs = new Set<Pair>()
  readonly #changed: () => void
  #held: Held[] = []
  #swallowed = 0
  #drops = 0
  #order = passAll
  #silent = false

  private constructor(relay: string, changed: () => void) {
    this.#changed = changed
    this.#server.on('connection', (socket) => {
      const pair = new Pair(socket, relay, {
        silent: () => this.#silent,
        fateOf: (message) => this.#order(message),
        hold: (message) => this.#note(() => this.#held.push(message)),
        swallow: () => this.#note(() => (this.#swallowed += 1)),
      })
      this.#note(() => this.#pairs.add(pair))
      socket.on('close', () => this.#note(() => this.#pairs.delete(pair)))
    })
  }

  /**
   * Starts a proxy before `relay`, on a port that is free. `changed` is called whenever a message was held or swallowed, or a connection
   * came or went.
   */
  static async start(relay: string, changed: () => void = () => undefined): Promise<Faults> {
    const faults = new Faults(relay, changed)
    await once(faults.#server, 'listening')
    return faults
  }

  /** Whoever is to meet the faults connects here. */
  get url(): string {
    return `ws://${host}:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many messages are held back. */
  get held(): number {
    return this.#held.length
  }

  /** How many messages and pings were swallowed. */
  get swallowed(): number {
    return this.#swallowed
  }

  /** How often all connections were cut. */
  get drops(): number {
    return this.#drops
  }

  /** Decides about each message from now on; `null`: all pass. */
  order(order: Order | null): void {
    this.#order = order ?? passAll
  }

  /** Swallows all that passes, pings and new connections' messages too, while TCP stays. */
  silence(): void {
    this.#silent = true
  }

  /** Lets pass again. What was swallowed is gone. */
  speak(): void {
    this.#silent = false
  }

  /** Sends on what is held back, as it came or the last one first, and says how many messages it were. */
  release(first: 'oldest' | 'newest' = 'oldest'): number {
    const messages = this.#held
    this.#held = []
    for (const send of first === 'oldest' ? messages : messages.toReversed()) send()
    return messages.length
  }

  /**
   * Cuts all connections, or those over which events for this key are heard, without a goodbye, and says how many there were. Whoever
   * connects anew is let in.
   */
  drop(listening?: string): number {
    const pairs = [...this.#pairs].filter((pair) => listening === undefined || pair.listensFor(listening))
    this.#drops += 1
    for (const pair of pairs) pair.cut()
    return pairs.length
  }

  /** Cuts all connections each so many seconds, until the function that it gives is called. */
  dropEach(seconds: number): () => void {
    const timer = setInterval(() => this.drop(), seconds * 1_000)
    return () => clearInterval(timer)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.drop()
    await closed
  }

  #note(change: () => unknown): void {
    change()
    this.#changed()
  }
}
