import { Refusal } from '@quorate/shared/errors'
import type { Held, ShareInput } from '@quorate/shared/schemes/scheme'
import { STOCK_SIZE, type Stock, type StockCommitment } from '@quorate/shared/wire/signing'
import type { Alarm } from '../ports.ts'

/** What is secret between commitment and partial of one item. */
export type Nonce = Held<ShareInput, Uint8Array>

type Place = Pick<Stock['body'], 'certificateDigest' | 'index'>

/** Nonces by serial, with the stock that they were given out in. */
type Batch = Readonly<{ body: Stock['body']; nonces: Map<number, Nonce> }>

/** The stocks of one seat at one version of a key, the oldest first. */
type Kept = { keyId: string; certificateDigest: string; batches: Batch[]; callOff: () => void }

/** What is drawn for a stock, and what of it all may see. */
type Drawn = Readonly<{ nonce: Nonce; commitment: string }>

/** Of one seat of a key. */
const MOST_OF_SEAT = 4 * STOCK_SIZE
/** Seats with a stock: some 40 MB of nonces when each has all that it may. */
const MOST_SEATS = 2_000
/** How long the stock of a key stays that nobody uses. ms */
const IDLE = 600_000

type StockPorts = Readonly<{ alarm: Alarm; life: Stock['body']['life'] }>

const nameOf = ({ certificateDigest, index }: Place): string => `${certificateDigest}/${index}`

/** Nonces that were committed to before there was anything to sign. They live in memory only, and go with this life of the host. */
export class Stocks {
  readonly #ports: StockPorts
  readonly #kept = new Map<string, Kept>()
  #next = 0

  constructor(ports: StockPorts) {
    this.#ports = ports
  }

  /** Keeps new nonces of a seat; gives what its host signs. A seat that has too many loses its oldest. */
  keep(of: Place, keyId: string, drawn: readonly Drawn[]): Stock['body'] {
    const { certificateDigest } = of
    const seat = this.#kept.get(nameOf(of)) ?? { keyId, certificateDigest, batches: [], callOff: () => {} }
    const first = this.#next
    this.#next += drawn.length
    const { life } = this.#ports
    const body = { ...of, life, first, commitments: drawn.map(({ commitment }) => commitment) }
    seat.batches.push({ body, nonces: new Map(drawn.map(({ nonce }, at) => [first + at, nonce])) })
    while (countOf(seat) > MOST_OF_SEAT) destroy(seat.batches.shift())
    this.#use(nameOf(of), seat)
    return body
  }

  /** Takes the nonce of a commitment out, for one use. Throws `nonce.spent` when it is not there any more. */
  take({ body, serial }: StockCommitment): Nonce {
    const seat = this.#kept.get(nameOf(body))
    const isOwn = body.life.id === this.#ports.life.id
    const batch = isOwn ? seat?.batches.find((one) => one.body.first === body.first) : undefined
    const nonce = batch?.nonces.get(serial)
    if (seat === undefined || batch === undefined || nonce === undefined) throw new Refusal('nonce.spent')
    batch.nonces.delete(serial)
    seat.batches = seat.batches.filter(({ nonces }) => nonces.size > 0)
    this.#use(nameOf(body), seat)
    return nonce
  }

  /** Wipes the stocks of all versions of this key but the one with this digest. */
  retire(keyId: string, certificateDigest: string): void {
    for (const [name, seat] of [...this.#kept])
      if (seat.keyId === keyId && seat.certificateDigest !== certificateDigest) this.#wipe(name)
  }

  /** It is the seat that was used last. */
  #use(name: string, seat: Kept): void {
    seat.callOff()
    this.#kept.delete(name)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= MOST_SEATS && oldest !== undefined) this.#wipe(oldest)
    seat.callOff = this.#ports.alarm(IDLE, () => this.#wipe(name))
    this.#kept.set(name, seat)
  }

  #wipe(name: string): void {
    const seat = this.#kept.get(name)
    seat?.callOff()
    this.#kept.delete(name)
    for (const batch of seat?.batches ?? []) destroy(batch)
  }
}

const countOf = ({ batches }: Kept): number => batches.reduce((sum, { nonces }) => sum + nonces.size, 0)

function destroy(batch: Batch | undefined): void {
  for (const nonce of batch?.nonces.values() ?? []) nonce.destroy()
}
