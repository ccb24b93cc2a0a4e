import { once } from 'node:events'
import { matchFilters, verifyEvent, type Event, type Filter } from 'nostr-tools'
import { WebSocketServer, type WebSocket } from 'ws'
import { noticed, until } from '../../../shared/test/noticing.js'

type Peer = { socket: WebSocket; subscriptions: Map<string, Filter[]>; shown: Set<string>; challenge: string }

/**
 * A relay on a free port of this machine, which keeps all that it gets. A test makes it fail: `drop` ends all connections; while it is
 * `silent` it takes what comes and says nothing; one that `demands` wants NIP-42 from whoever reads.
 */
export class TestRelay {
  readonly events: Event[] = []
  readonly requests: Filter[][] = []
  readonly shown: Event[] = []
  port = 0
  connections = 0
  silent = false
  demands = false
  /** What it says to the next events that it gets, instead of taking them. */
  readonly refusals: string[] = []
  readonly #server: WebSocketServer
  readonly #peers = new Set<Peer>()

  private constructor(server: WebSocketServer) {
    this.#server = server
    server.on('connection', (socket) => this.#welcome(socket))
  }

  static async start(port = 0): Promise<TestRelay> {
    const server = new WebSocketServer({ host: '127.0.0.1', port })
    const relay = new TestRelay(server)
    await once(server, 'listening')
    relay.port = (server.address() as { port: number }).port
    return relay
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  get peers(): number {
    return this.#peers.size
  }

  drop(): void {
    for (const { socket } of this.#peers) socket.terminate()
  }

  /** As if a program had brought it. */
  put(event: Event): void {
    this.events.push(event)
    for (const peer of this.#peers) this.#tell(peer, event)
    noticed()
  }

  /** The first event of this author that says this to that reader. */
  async heard(description: string, is: (event: Event) => boolean): Promise<Event> {
    await until(() => this.events.some(is), description)
    return this.events.find(is)!
  }

  async close(): Promise<void> {
    this.drop()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #welcome(socket: WebSocket): void {
    const peer: Peer = { socket, subscriptions: new Map(), shown: new Set(), challenge: `c${this.connections}` }
    this.connections += 1
    this.#peers.add(peer)
    if (this.demands) this.#say(peer, ['AUTH', peer.challenge])
    socket.on('message', (text) => {
      if (!this.silent) this.#hear(peer, JSON.parse((text as Buffer).toString()) as unknown[])
      noticed()
    })
    socket.on('close', () => {
      this.#peers.delete(peer)
      noticed()
    })
    noticed()
  }

  #say(peer: Peer, message: unknown[]): void {
    if (!this.silent) peer.socket.send(JSON.stringify(message))
  }

  #hear(peer: Peer, [type, first, ...rest]: unknown[]): void {
    if (type === 'EVENT') this.#take(peer, first as Event)
    if (type === 'CLOSE') peer.subscriptions.delete(first as string)
    if (type === 'REQ') this.#subscribe(peer, first as string, rest as Filter[])
    if (type === 'AUTH') this.#show(peer, first as Event)
  }

  #take(peer: Peer, event: Event): void {
    const refusal = this.refusals.shift()
    this.#say(peer, ['OK', event.id, refusal === undefined, refusal ?? ''])
    if (refusal === undefined && this.events.every(({ id }) => id !== event.id)) this.put(event)
  }

  #subscribe(peer: Peer, name: string, filters: Filter[]): void {
    const readers = filters.flatMap((filter) => filter['#p'] ?? [])
    if (this.demands && readers.some((reader) => !peer.shown.has(reader))) {
      this.#say(peer, ['CLOSED', name, 'auth-required: show who you are'])
      return
    }
    this.requests.push(filters)
    peer.subscriptions.set(name, filters)
    for (const event of this.events) if (matchFilters(filters, event)) this.#say(peer, ['EVENT', name, event])
    this.#say(peer, ['EOSE', name])
  }

  #show(peer: Peer, event: Event): void {
    const isRight =
      verifyEvent(event) && event.tags.some(([name, value]) => name === 'challenge' && value === peer.challenge)
    if (isRight) peer.shown.add(event.pubkey)
    this.shown.push(event)
    this.#say(peer, ['OK', event.id, isRight, isRight ? '' : 'restricted: not so'])
  }

  #tell(peer: Peer, event: Event): void {
    for (const [name, filters] of peer.subscriptions)
      if (matchFilters(filters, event)) this.#say(peer, ['EVENT', name, event])
  }
}
