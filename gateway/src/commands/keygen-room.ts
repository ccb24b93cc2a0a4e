import { boundReached } from '@quorate/shared/errors'
import { Holdings } from '@quorate/shared/holdings'
import { yields } from '../courses/keygen.ts'
import type { KeygenSession } from '../courses/keygen-terms.ts'
import { hasEnded } from '../engine/machine.ts'
import type { Limits } from './ports.ts'

type Bounds = Pick<Limits, 'openKeygens' | 'openSeats' | 'openKeygensPerHolder'>
type Place = Readonly<{ id: string; holder: string; seats: number }>

/** Seconds after which the oldest keygen that nobody has joined may be over. */
const RETRY_AFTER = 60

/** Open keygens that this gateway drives, by who reserved them. Each takes as much of an enclave as it has people. */
export class KeygenRoom {
  readonly #held = new Holdings()
  readonly #yields = new Map<string, number | null>()
  readonly #bounds: Bounds

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /**
   * Makes room for one more of this holder, and holds it. Gives the keygens that are to end for it: of who holds most, the oldest that
   * nobody has joined, else the oldest that waits for somebody. Throws `bound.reached`.
   */
  hold({ id, holder, seats }: Place): string[] {
    if (this.#held.has(id)) return []
    const { openKeygens, openSeats, openKeygensPerHolder } = this.#bounds
    if (this.#held.count(holder) >= openKeygensPerHolder) throw boundReached('address', RETRY_AFTER)
    const leaving: string[] = []
    while (this.#yields.size >= openKeygens || this.#held.total + seats > openSeats) {
      const next = this.#toLeave(holder, seats)
      if (next === null) throw boundReached('gateway', RETRY_AFTER)
      leaving.push(next)
      this.forget(next)
    }
    this.#held.take(holder, id, seats)
    this.#yields.set(id, 0)
    return leaving
  }

  note(s: KeygenSession): void {
    if (hasEnded(s)) {
      this.forget(s.id)
      return
    }
    this.#held.take(s.own.holder, s.id, s.own.people.length)
    this.#yields.set(s.id, yields(s))
  }

  forget(id: string): void {
    this.#held.release(id)
    this.#yields.delete(id)
  }

  /** Nobody takes the place of who holds less. */
  #toLeave(asker: string, seats: number): string | null {
    for (const holder of this.#held.byWeight()) {
      if (holder !== asker && this.#held.weight(holder) < this.#held.weight(asker) + seats) return null
      const things = this.#held.things(holder)
      const goes = [0, 1].flatMap((rank) => things.filter((id) => this.#yields.get(id) === rank)).at(0)
      if (goes !== undefined) return goes
    }
    return null
  }
}
