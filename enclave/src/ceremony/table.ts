import { Refusal } from '@quorate/shared/errors'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import {
  beginSeat,
  dealSeat,
  finishSeat,
  wipeSeat,
  type Attempt,
  type Certified,
  type Hands,
  type Making,
  type Seat,
} from './dkg.ts'
import { createTurn } from './sessions.ts'

/** Which participant, in which attempt. */
type Place = Readonly<{ index: number; attempt: number }>

/** The seats of this enclave in one keygen or refresh, one call after the other. Each throws `keygen.out_of_order`, …  */
export class Table {
  readonly #hands: Hands
  readonly #turn = createTurn()
  readonly #seats = new Map<number, Seat>()
  #current: Attempt | null = null

  constructor(hands: Hands) {
    this.#hands = hands
  }

  /** `check` gives what the attempt is begun with, checked. An attempt with a higher number ends the one before. */
  round1({ index, attempt }: Place, check: () => Promise<Making>): Promise<RoundOne> {
    return this.#turn(async () => {
      const of = this.#enter(await check(), attempt)
      const host = of.making.roster.skeleton.participants[index - 1]?.host.identity
      if (host?.signKey !== this.#hands.vault.identity.signKey) throw new Refusal('keygen.roster_mismatch')
      const seat = this.#seats.get(index) ?? (await beginSeat(this.#hands, of, index))
      this.#seats.set(index, seat)
      if (seat.stage === 3) throw new Refusal('keygen.out_of_order')
      return seat.message
    })
  }

  round2(place: Place, messages: readonly RoundOne[]): Promise<readonly RoundTwo[]> {
    return this.#turn(async () => {
      const seat = await this.#move(place, (of, seat) => dealSeat(this.#hands, of, seat, messages))
      return seat.stage === 2 ? seat.answer : []
    })
  }

  round3(place: Place, packages: readonly RoundTwo[]): Promise<Certified> {
    return this.#turn(async () => {
      const seat = await this.#move(place, (of, seat) => finishSeat(this.#hands, of, seat, packages))
      if (seat.stage !== 3) throw new Refusal('keygen.out_of_order')
      return seat.answer
    })
  }

  /** How many participants of this enclave have their certificate. */
  finished(): number {
    return [...this.#seats.values()].filter(({ stage }) => stage === 3).length
  }

  wipe(): void {
    for (const seat of this.#seats.values()) wipeSeat(seat)
    this.#seats.clear()
  }

  /** The attempt with this number, begun if it is newer than the last. */
  #enter(making: Making, attempt: number): Attempt {
    const current = this.#current
    if (current?.attempt === attempt && current.making.ceremony === making.ceremony) return current
    if (current !== null && current.attempt >= attempt) throw new Refusal('keygen.out_of_order')
    this.wipe()
    this.#current = { making, attempt }
    return this.#current
  }

  /** Moves the seat of this attempt on. An older attempt is over, and a newer one begins with round one. */
  async #move({ index, attempt }: Place, act: (of: Attempt, seat: Seat) => Promise<Seat>): Promise<Seat> {
    const current = this.#current
    const seat = this.#seats.get(index)
    if (current?.attempt !== attempt || seat === undefined) throw new Refusal('keygen.out_of_order')
    const moved = await act(current, seat)
    this.#seats.set(index, moved)
    return moved
  }
}
