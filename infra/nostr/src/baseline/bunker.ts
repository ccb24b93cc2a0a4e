import { randomBytes } from 'node:crypto'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import {
  finalizeEvent,
  generateSecretKey,
  getPublicKey,
  nip44,
  SimplePool,
  type Event,
  type EventTemplate,
} from 'nostr-tools'
import { NostrConnect } from 'nostr-tools/kinds'
import { toBunkerURL } from 'nostr-tools/nip46'
import type { Signer } from '../signer.ts'
import { answer, Book } from './answer.ts'

/** ms */
const RECONNECT_AFTER = 100

const newBook = (): Book => ({
  signer: bytesToHex(generateSecretKey()),
  user: bytesToHex(generateSecretKey()),
  secrets: {},
  clients: [],
  answers: {},
})

/** One life of the bunker: its connections, on a book that outlives it. */
class Life {
  readonly #book: Book
  readonly #signer: Uint8Array
  readonly #user: Uint8Array
  readonly #pool = new SimplePool({ enablePing: true })
  readonly #keys = new Map<string, Uint8Array>()
  #ended = false
  #again: NodeJS.Timeout | undefined

  constructor(book: Book) {
    this.#book = book
    this.#signer = hexToBytes(book.signer)
    this.#user = hexToBytes(book.user)
    this.#pool.automaticallyAuth = () => (template) => Promise.resolve(finalizeEvent(template, this.#signer))
  }

  /**
   * Is fulfilled when the relays have sent what they had, so that they will send what comes. A subscription that ended is made anew: the
   * pool's own way of reconnecting ends with the first connection that was cut, and asks for later events only.
   */
  listen(relays: string[]): Promise<void> {
    const filter = { kinds: [NostrConnect], '#p': [getPublicKey(this.#signer)], limit: 0 }
    const onauth = (template: EventTemplate) => Promise.resolve(finalizeEvent(template, this.#signer))
    return new Promise((resolve) => {
      this.#pool.subscribe(relays, filter, {
        onauth,
        oneose: resolve,
        onevent: (event) => this.#receive(relays, event),
        onclose: () => {
          if (!this.#ended) this.#again = setTimeout(() => void this.listen(relays).then(resolve), RECONNECT_AFTER)
        },
      })
    })
  }

  write(client: string, text: string): Event {
    const content = nip44.encrypt(text, this.#keyWith(client))
    const created_at = Math.floor(Date.now() / 1_000)
    return finalizeEvent({ kind: NostrConnect, created_at, tags: [['p', client]], content }, this.#signer)
  }

  async send(relays: string[], event: Event): Promise<void> {
    await Promise.any(this.#pool.publish(relays, event))
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#again)
    this.#pool.destroy()
  }

  /** Made once a client, as any good bunker does. */
  #keyWith(client: string): Uint8Array {
    const key = this.#keys.get(client) ?? nip44.getConversationKey(this.#signer, client)
    this.#keys.set(client, key)
    return key
  }

  /** A request is acted on once; when it comes again, so does its answer. One that cannot be read is nobody's, and gets none. */
  #receive(relays: string[], request: Event): void {
    try {
      const event = (this.#book.answers[request.id] ??= this.#act(request))
      void this.send(relays, event).catch(() => undefined)
    } catch {
      return
    }
  }

  #act({ content, pubkey }: Event): Event {
    const text = nip44.decrypt(content, this.#keyWith(pubkey))
    return this.write(pubkey, JSON.stringify(answer(this.#book, this.#user, pubkey, text)))
  }
}

/** A bunker whose key is whole and in memory, built on nostr-tools: the referee of what a client has to stand, and of the figures. */
export async function openBaseline(relay: string): Promise<Signer> {
  let book = newBook()
  let life = new Life(book)
  await life.listen([relay])
  return {
    user: getPublicKey(hexToBytes(book.user)),
    uri: () => {
      const secret = randomBytes(16).toString('hex')
      book.secrets[secret] = null
      return Promise.resolve(toBunkerURL({ pubkey: getPublicKey(hexToBytes(book.signer)), relays: [relay], secret }))
    },
    accept: async (uri) => {
      const { host: client, searchParams } = new URL(uri)
      const relays = searchParams.getAll('relay')
      book.clients.push(client)
      await life.listen(relays)
      const response = JSON.stringify({ id: randomBytes(8).toString('hex'), result: searchParams.get('secret') })
      await life.send(relays, life.write(client, response))
    },
    restart: async () => {
      life.end()
      book = Book.parse(JSON.parse(JSON.stringify(book)))
      life = new Life(book)
      await life.listen([relay])
    },
    close: () => {
      life.end()
      return Promise.resolve()
    },
  }
}
