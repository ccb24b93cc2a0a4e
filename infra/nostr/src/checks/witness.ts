import { finalizeEvent, getPublicKey, nip44, SimplePool, type Event, type EventTemplate } from 'nostr-tools'
import { NostrConnect } from 'nostr-tools/kinds'
import * as z from 'zod'
import { noticed, until } from '../../../../shared/test/noticing.js'

const Answer = z.object({ id: z.string(), result: z.string().optional(), error: z.string().optional() })
export type Answer = z.infer<typeof Answer>

/** Who has a client's key, and reads and writes beside it. */
export class Witness {
  /** In the order in which they came. An answer that is said again, as the same event, is one answer. */
  readonly answers: Answer[] = []
  readonly #pool = new SimplePool()
  readonly #seen = new Set<string>()
  readonly #url: string
  readonly #secretKey: Uint8Array

  private constructor(url: string, secretKey: Uint8Array) {
    this.#url = url
    this.#secretKey = secretKey
  }

  /** Is there when the relay has promised to send what comes. */
  static async open(url: string, secretKey: Uint8Array): Promise<Witness> {
    const witness = new Witness(url, secretKey)
    const filter = { kinds: [NostrConnect], '#p': [getPublicKey(secretKey)], limit: 0 }
    await new Promise<void>((resolve) => {
      const onevent = (event: Event) => witness.#read(event)
      witness.#pool.subscribe([url], filter, { onevent, oneose: resolve, onauth: witness.#sign })
    })
    return witness
  }

  /** Asks the signer without having connected, and gives whatever it answers. */
  async ask(signer: string, method: string): Promise<Answer> {
    const id = crypto.randomUUID()
    const key = nip44.getConversationKey(this.#secretKey, signer)
    const content = nip44.encrypt(JSON.stringify({ id, method, params: [] }), key)
    const created_at = Math.floor(Date.now() / 1_000)
    await this.replay(await this.#sign({ kind: NostrConnect, created_at, tags: [['p', signer]], content }))
    const answer = () => this.answers.find((one) => one.id === id)
    await until(() => answer() !== undefined, `an answer to ${method}`)
    return answer()!
  }

  /** Brings an event to the relay, whoever wrote it. A relay may say that it has it already. */
  async replay(event: Event): Promise<void> {
    const [published] = this.#pool.publish([this.#url], event, { onauth: this.#sign })
    await published?.catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('duplicate:'))) throw error
    })
  }

  close(): void {
    this.#pool.destroy()
  }

  readonly #sign = (template: EventTemplate) => Promise.resolve(finalizeEvent(template, this.#secretKey))

  #read({ id, content, pubkey }: Event): void {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    const text = nip44.decrypt(content, nip44.getConversationKey(this.#secretKey, pubkey))
    this.answers.push(Answer.parse(JSON.parse(text)))
    noticed()
  }
}
