import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Parts } from '../parts.ts'
import { createTurn } from '../turn.ts'
import { certify, type Certified } from './certify.ts'
import {
  checkRoundOne,
  checkRoundTwo,
  deal,
  finish,
  openRound,
  openRoundTwo,
  type Attempt,
  type Making,
  type MakingHeld,
} from './dkg.ts'

/**
 * One participant's way through a DKG or a refresh, which has the same rounds. An answer, once given, is given again as it was; so is
 * the refusal with which a seat ended, since what it held was used up.
 */
type Seat =
  | Readonly<{ stage: 1; held: MakingHeld; message: RoundOne }>
  | Readonly<{ stage: 2; held: MakingHeld; message: RoundOne; transcript: Digest; answer: readonly RoundTwo['body'][] }>
  | Readonly<{ stage: 3; packagesDigest: Digest; answer: Certified }>
  | Readonly<{ stage: 'failed'; refusal: Refusal }>

/** Which participant, in which attempt. */
type Place = Readonly<{ index: number; attempt: number }>

/** The seats of this host in one keygen or refresh, one call after the other. Each throws `keygen.out_of_order`, … */
export class Seats {
  readonly #parts: Parts
  readonly #turn = createTurn()
  readonly #seats = new Map<number, Seat>()
  #current: Attempt | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** `check` gives what the attempt is begun with, checked. An attempt with a higher number ends the one before. */
  round1({ index, attempt }: Place, check: () => Promise<Making>): Promise<RoundOne> {
    return this.#turn(async () => {
      const of = this.#enter(await check(), attempt)
      const host = of.making.roster.skeleton.participants[index - 1]?.host.identity
      if (host?.signKey !== this.#parts.keys.identity.signKey) throw new Refusal('keygen.roster_mismatch')
      const seat = this.#seats.get(index) ?? { stage: 1, ...(await openRound(this.#parts, of, index)) }
      this.#seats.set(index, seat)
      if (seat.stage === 3 || seat.stage === 'failed') throw new Refusal('keygen.out_of_order')
      return seat.message
    })
  }

  /** Throws `keygen.misdelivered`, or `keygen.bad_package` with the culprits of round one. */
  round2(place: Place, messages: readonly RoundOne[]): Promise<readonly RoundTwo[]> {
    return this.#turn(async () => {
      const { of, seat } = this.#at(place)
      if (seat.stage === 2 && seat.transcript === digestOf('transcript', messages)) return this.#sign(seat.answer)
      if (seat.stage !== 1) throw new Refusal('keygen.out_of_order')
      await checkRoundOne(of, seat.message, messages)
      // What a seat holds is used in one go, if it is still there.
      if (this.#at(place).seat !== seat) throw new Refusal('keygen.out_of_order')
      const dealt = this.#orFail(place, () => deal(this.#parts, of, seat.held, place.index, messages))
      this.#seats.set(place.index, { stage: 2, message: seat.message, ...dealt })
      return this.#sign(dealt.answer)
    })
  }

  /** Throws `keygen.misdelivered`, `keygen.equivocation`, or `keygen.bad_package` with the culprits of round two. */
  round3(place: Place, packages: readonly RoundTwo[]): Promise<Certified> {
    return this.#turn(async () => {
      const { of, seat } = this.#at(place)
      const packagesDigest = digestOf('package', packages)
      if (seat.stage === 3 && seat.packagesDigest === packagesDigest) return seat.answer
      if (seat.stage !== 2) throw new Refusal('keygen.out_of_order')
      const { index } = place
      const at = { index, transcript: seat.transcript }
      await checkRoundTwo(of, at, packages)
      await this.#parts.giveWay()
      if (this.#at(place).seat !== seat) throw new Refusal('keygen.out_of_order')
      const round2 = openRoundTwo(this.#parts, of, packages)
      const made = this.#orFail(place, () => finish(seat.held, round2))
      await this.#parts.giveWay()
      const answer = await certify(this.#parts, of.making, at, made).catch((error: unknown) => this.#fail(place, error))
      this.#seats.set(index, { stage: 3, packagesDigest, answer })
      return answer
    })
  }

  /** Is an attempt under way, or over? */
  begun(): boolean {
    return this.#current !== null
  }

  /** How many participants of this host have their certificate. */
  finished(): number {
    return [...this.#seats.values()].filter(({ stage }) => stage === 3).length
  }

  wipe(): void {
    for (const seat of this.#seats.values()) if ('held' in seat) seat.held.destroy()
    this.#seats.clear()
  }

  /** The same packages get the same signatures (RFC 8032). */
  #sign(answer: readonly RoundTwo['body'][]): Promise<RoundTwo[]> {
    return Promise.all(answer.map((body) => this.#parts.keys.sign('round-two', body)))
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

  /** The seat of this attempt. An older attempt is over, and a newer one begins with round one. Throws how the seat ended. */
  #at({ index, attempt }: Place): { of: Attempt; seat: Exclude<Seat, { stage: 'failed' }> } {
    const of = this.#current
    const seat = this.#seats.get(index)
    if (of?.attempt !== attempt || seat === undefined) throw new Refusal('keygen.out_of_order')
    if (seat.stage === 'failed') throw seat.refusal
    return { of, seat }
  }

  #orFail<T>(place: Place, act: () => T): T {
    try {
      return act()
    } catch (error) {
      return this.#fail(place, error)
    }
  }

  #fail({ index }: Place, error: unknown): never {
    const seat = this.#seats.get(index)
    if (seat !== undefined && 'held' in seat) seat.held.destroy()
    const refusal = error instanceof Refusal ? error : new Refusal('enclave.failed')
    this.#seats.set(index, { stage: 'failed', refusal })
    throw error
  }
}
