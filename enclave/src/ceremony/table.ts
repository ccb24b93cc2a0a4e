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
export type Table = Readonly<{
  /** `enter` checks what the attempt is begun with. An attempt with a higher number ends the one before. */
  round1: (place: Place, enter: () => Promise<Making>) => Promise<RoundOne>
  round2: (place: Place, messages: readonly RoundOne[]) => Promise<readonly RoundTwo[]>
  round3: (place: Place, packages: readonly RoundTwo[]) => Promise<Certified>
  /** How many participants of this enclave have their certificate. */
  finished: () => number
  wipe: () => void
}>

export function createTable(hands: Hands): Table {
  const turn = createTurn()
  const seats = new Map<number, Seat>()
  let current: Attempt | null = null

  function wipe(): void {
    for (const seat of seats.values()) wipeSeat(seat)
    seats.clear()
  }

  /** The attempt with this number, begun if it is newer than the last. */
  function enter(making: Making, attempt: number): Attempt {
    if (current?.attempt === attempt && current.making.ceremony === making.ceremony) return current
    if (current !== null && current.attempt >= attempt) throw new Refusal('keygen.out_of_order')
    wipe()
    current = { making, attempt }
    return current
  }

  /** Moves the seat of this attempt on. An older attempt is over, and a newer one begins with round one. */
  async function move({ index, attempt }: Place, act: (of: Attempt, seat: Seat) => Promise<Seat>): Promise<Seat> {
    const seat = seats.get(index)
    if (current?.attempt !== attempt || seat === undefined) throw new Refusal('keygen.out_of_order')
    const moved = await act(current, seat)
    seats.set(index, moved)
    return moved
  }

  return {
    round1: ({ index, attempt }, check) =>
      turn(async () => {
        const of = enter(await check(), attempt)
        const host = of.making.roster.skeleton.participants[index - 1]?.host.identity
        if (host?.signKey !== hands.vault.identity.signKey) throw new Refusal('keygen.roster_mismatch')
        const seat = seats.get(index) ?? (await beginSeat(hands, of, index))
        seats.set(index, seat)
        if (seat.stage === 3) throw new Refusal('keygen.out_of_order')
        return seat.message
      }),
    round2: (place, messages) =>
      turn(async () => {
        const seat = await move(place, (of, seat) => dealSeat(hands, of, seat, messages))
        return seat.stage === 2 ? seat.answer : []
      }),
    round3: (place, packages) =>
      turn(async () => {
        const seat = await move(place, (of, seat) => finishSeat(hands, of, seat, packages))
        if (seat.stage !== 3) throw new Refusal('keygen.out_of_order')
        return seat.answer
      }),
    finished: () => [...seats.values()].filter(({ stage }) => stage === 3).length,
    wipe,
  }
}
