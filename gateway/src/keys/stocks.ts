import { Refusal } from '@quorate/shared/errors'
import { factsOf } from '@quorate/shared/schemes/table'
import { isStockOf } from '@quorate/shared/verify/quorum'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { Seat } from '@quorate/shared/wire/host'
import type { Digest, KeyId } from '@quorate/shared/wire/ids'
import type { StockCommitment } from '@quorate/shared/wire/signing'
import type { Hosts } from '../engine/ports.ts'
import type { LoadKey } from './key-cache.ts'

/** What seats of a key have committed to ahead is for one version of it. */
export type StockOf = Readonly<{ keyId: KeyId; certificateDigest: Digest }>

/** How many a seat has at least after it has signed, and at most: its host keeps no more. */
const FEWEST = 8
const MOST = 48
/** Seats with a stock, the last used. */
const MOST_SEATS = 2_000
/** A host drops what nobody has used for ten minutes. ms */
const STAYS = 540_000

/** `wanted`: how many have been asked for since it was filled. */
type Kept = { left: StockCommitment[]; wanted: number; usedAt: number; filling: Promise<void> | null }

type StockPorts = Readonly<{
  hosts: Pick<Hosts, 'ask' | 'life'>
  loadKey: LoadKey
  timeoutMs: number
  /** ms since 1970 */
  clock: () => number
  failed: (error: unknown) => void
}>

/** The commitments that hosts have given ahead, so that a signing begins with their partials. In memory only: lost, they cost a round. */
export class Stocks {
  readonly #ports: StockPorts
  readonly #mostSeats: number
  readonly #kept = new Map<string, Kept>()
  #isClosed = false

  constructor(ports: StockPorts, mostSeats = MOST_SEATS) {
    this.#ports = ports
    this.#mostSeats = mostSeats
  }

  /**
   * A commitment of each of these seats, which nobody else is given. Null where one of them has none, and then none is taken; its stock is fetched when
   * others of them have one, since their key is in use.
   */
  draw(of: StockOf, seats: readonly Seat[]): readonly StockCommitment[] | null {
    const all = seats.map((seat) => this.#seat(of, seat))
    for (const one of all) one.wanted += 1
    const lacking = seats.filter((_, at) => all[at]?.left.length === 0)
    if (lacking.length > 0 && lacking.length < seats.length) void this.used(of, lacking)
    return lacking.length > 0 || seats.length === 0 ? null : all.flatMap(({ left }) => left.shift() ?? [])
  }

  /** These seats have signed, and are likely to be asked for more. Resolves when what they lack has been fetched. Never rejects. */
  async used(of: StockOf, seats: readonly Seat[]): Promise<void> {
    if (!this.#isClosed) await Promise.all(seats.map((seat) => this.#fillOnce(of, seat)))
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#kept.values()].flatMap(({ filling }) => filling ?? []))
  }

  /** What is left of this life of the host. It is the seat that was used last from now on. */
  #seat({ certificateDigest }: StockOf, { index, host }: Seat): Kept {
    const { clock, hosts } = this.#ports
    const name = `${certificateDigest}/${index}`
    const known = this.#kept.get(name) ?? { left: [], wanted: 0, usedAt: clock(), filling: null }
    this.#kept.delete(name)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= this.#mostSeats && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(name, known)
    const life = hosts.life(host)
    const isOver = clock() - known.usedAt > STAYS || known.left.some(({ body }) => body.life.id !== life)
    if (isOver) known.left = []
    known.usedAt = clock()
    return known
  }

  /** Once at a time for a seat, and when it has few left. */
  async #fillOnce(of: StockOf, seat: Seat): Promise<void> {
    const known = this.#seat(of, seat)
    if (known.filling === null && known.left.length >= FEWEST) return
    known.filling ??= this.#fill(of, seat, known)
      .catch((error: unknown) => {
        // Its host says so again when it is asked to sign.
        if (!(error instanceof Refusal)) this.#ports.failed(error)
      })
      .finally(() => {
        known.filling = null
      })
    await known.filling
  }

  async #fill(of: StockOf, seat: Seat, known: Kept): Promise<void> {
    const { verified } = await this.#ports.loadKey(of.keyId)
    const { scheme } = verified.certificate.roster.skeleton
    if (verified.digest !== of.certificateDigest || !factsOf(scheme).ahead) return
    const goal = Math.min(MOST, Math.max(FEWEST, known.wanted))
    known.wanted = 0
    while (known.left.length < goal && !this.#isClosed) {
      const fetched = await this.#fetch(verified, of, seat)
      if (fetched.length === 0) return
      known.left.push(...fetched)
    }
  }

  async #fetch(verified: VerifiedKey, { keyId }: StockOf, { host, index }: Seat): Promise<StockCommitment[]> {
    const { hosts, timeoutMs } = this.#ports
    const { stock } = await hosts.ask(host, 'signing.stock', { keyId, index }, timeoutMs)
    const { first, commitments } = stock.body
    const isSound = await isStockOf(verified, index, stock)
    return isSound ? commitments.map((_, at) => ({ ...stock, serial: first + at })) : []
  }
}

/** The seats of these indices, in their order. */
export const seatsAt = (seats: readonly Seat[], indices: readonly number[]): Seat[] =>
  indices.flatMap((index) => seats[index - 1] ?? [])
