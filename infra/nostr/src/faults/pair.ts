import { WebSocket } from 'ws'
import { readPassing, type Fate, type Passing } from './order.ts'

/** Sends on a message that was held back, if its connection is still there. */
export type Held = () => void

/** Who decides what becomes of a message, and where what does not pass goes. */
type Judge = Readonly<{
  silent: () => boolean
  fateOf: (message: Passing) => Fate
  hold: (message: Held) => void
  swallow: () => void
}>

/** A client's connection, and the one to the relay that was opened for it. When one ends, the other is cut. */
export class Pair {
  readonly #client: WebSocket
  readonly #relay: WebSocket
  readonly #judge: Judge
  #subscribed = ''

  constructor(client: WebSocket, relay: string, judge: Judge) {
    this.#client = client
    this.#relay = new WebSocket(relay, { autoPong: false })
    this.#judge = judge
    client.pause()
    this.#relay.on('open', () => client.resume())
    this.#join('client', client, this.#relay)
    this.#join('relay', this.#relay, client)
  }

  /** Has the client asked for what is sent to this key? */
  listensFor(key: string): boolean {
    return this.#subscribed.includes(key)
  }

  cut(): void {
    this.#client.terminate()
    this.#relay.terminate()
  }

  #join(from: Passing['from'], source: WebSocket, target: WebSocket): void {
    source.on('message', (message: Buffer) => {
      const text = message.toString('utf8')
      if (from === 'client' && text.startsWith('["REQ"')) this.#subscribed += text
      this.#pass(from, text, target)
    })
    source.on('ping', (content: Buffer) => this.#unlessSilent(() => target.ping(content)))
    source.on('pong', (content: Buffer) => this.#unlessSilent(() => target.pong(content)))
    source.on('error', () => this.cut())
    source.on('close', () => this.cut())
  }

  #unlessSilent(send: () => void): void {
    if (this.#judge.silent()) this.#judge.swallow()
    else send()
  }

  #pass(from: Passing['from'], text: string, target: WebSocket): void {
    const send: Held = () => {
      if (target.readyState === WebSocket.OPEN) target.send(text)
    }
    const fate = this.#judge.silent() ? 'swallow' : this.#judge.fateOf(readPassing(from, text))
    if (fate === 'hold') this.#judge.hold(send)
    if (fate === 'swallow') this.#judge.swallow()
    if (fate === 'pass' || fate === 'twice') send()
    if (fate === 'twice') send()
  }
}
