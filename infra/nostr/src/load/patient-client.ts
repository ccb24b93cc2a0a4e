import { finalizeEvent, generateSecretKey, getPublicKey, nip44, Relay, type Event } from 'nostr-tools'
import { NostrConnect } from 'nostr-tools/kinds'
import { parseBunkerInput } from 'nostr-tools/nip46'
import * as z from 'zod'

const Answer = z.object({ id: z.string(), result: z.string().optional(), error: z.string().optional() })
type Answer = z.infer<typeof Answer>

/** ms */
const SAY_AGAIN_AFTER = 1_000

/** How often a request reached the relay, and how often its answer came, as one event or as several. */
export type Asked = Readonly<{ answer: Answer | null; acknowledged: number; answers: number }>

type Open = { resolve: (answer: Answer) => void; events: Set<string> }

/**
 * A client that gives up late: it connects again, and says the same event again each second until there is an answer. Stock clients ask
 * once, and wait for ever when the relay was gone in between.
 */
export class PatientClient {
  readonly #secretKey = generateSecretKey()
  readonly #signer: string
  readonly #url: string
  readonly #key: Uint8Array
  readonly #open = new Map<string, Open>()
  #relay: Promise<Relay> | null = null

  private constructor(signer: string, url: string) {
    this.#signer = signer
    this.#url = url
    this.#key = nip44.getConversationKey(this.#secretKey, signer)
  }

  static async connect(uri: string): Promise<PatientClient> {
    const pointer = await parseBunkerInput(uri)
    const [url] = pointer?.relays ?? []
    if (pointer === null || url === undefined) throw new Error('a bunker URI with a relay was expected')
    const client = new PatientClient(pointer.pubkey, url)
    const { answer } = await client.ask('connect', [pointer.pubkey, pointer.secret ?? ''], 60)
    if (answer?.result === undefined) throw new Error(`not connected: ${answer?.error ?? 'no answer'}`)
    return client
  }

  /** Says the request up to so many times. */
  async ask(method: string, params: string[], times: number): Promise<Asked> {
    const id = crypto.randomUUID()
    const event = this.#write(JSON.stringify({ id, method, params }))
    const events = new Set<string>()
    const answered = new Promise<Answer>((resolve) => this.#open.set(id, { resolve, events }))
    let [answer, acknowledged]: [Answer | null, number] = [null, 0]
    for (let n = 0; n < times && answer === null; n += 1) {
      acknowledged += await this.#publish(event)
      answer = await Promise.race([answered, later()])
    }
    return { answer, acknowledged, answers: events.size }
  }

  async close(): Promise<void> {
    const relay = await this.#relay?.catch(() => null)
    relay?.close()
  }

  #write(text: string): Event {
    const created_at = Math.floor(Date.now() / 1_000)
    const template = {
      kind: NostrConnect,
      created_at,
      tags: [['p', this.#signer]],
      content: nip44.encrypt(text, this.#key),
    }
    return finalizeEvent(template, this.#secretKey)
  }

  /** 1 when the relay has said OK. */
  async #publish(event: Event): Promise<number> {
    try {
      const relay = await (this.#relay ??= this.#listen())
      await relay.publish(event)
      return 1
    } catch {
      this.#relay = null
      return 0
    }
  }

  async #listen(): Promise<Relay> {
    const relay = await Relay.connect(this.#url)
    relay.onclose = () => (this.#relay = null)
    const filter = { kinds: [NostrConnect], authors: [this.#signer], '#p': [getPublicKey(this.#secretKey)], limit: 0 }
    relay.subscribe([filter], { onevent: (event) => this.#hear(event) })
    return relay
  }

  #hear({ id, content }: Event): void {
    const answer = Answer.parse(JSON.parse(nip44.decrypt(content, this.#key)))
    const open = this.#open.get(answer.id)
    open?.events.add(id)
    open?.resolve(answer)
  }
}

const later = (): Promise<null> => new Promise((resolve) => setTimeout(() => resolve(null), SAY_AGAIN_AFTER))
