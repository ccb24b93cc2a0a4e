import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Made } from '@quorate/shared/schemes/scheme'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Roster } from '@quorate/shared/wire/keygen'
import type { Parts } from '../parts.ts'
import { createTurn } from '../turn.ts'
import { certify, type Certified, type Frame } from './certify.ts'

/** Where a host has its shares from without a DKG: from a dealer, or from its own participants. */
export type Source = Readonly<{
  /**
   * The share of a participant of this host, taken out once. Throws `keygen.roster_mismatch` for any other, and `keygen.bad_package` with
   * those whose contribution does not hold.
   */
  take: (index: number, roster: Roster) => Made
  /** Nobody said anything to anybody: what all hosts were given stands in its place. */
  transcript: (roster: Roster) => Digest
  /** The refusal of what is no share of the key. */
  misfit: RefusalCode
  wipe: () => void
}>

/**
 * The shares of this host in a key that is made without a DKG. Each is taken out once. Its answer is given again in whichever attempt, and so
 * is the refusal with which it ended.
 */
export class AcceptSeats {
  readonly #parts: Parts
  readonly #source: Source
  readonly #turn = createTurn()
  readonly #answers = new Map<number, Certified | Refusal>()
  #frame: Frame | null = null

  constructor(parts: Parts, source: Source) {
    this.#parts = parts
    this.#source = source
  }

  /**
   * `check` gives what is certified. Throws `keygen.roster_mismatch` for another roster than the first, since such a key has one, and
   * the source's refusal for what is no share of the key.
   */
  accept(index: number, check: () => Promise<Frame>): Promise<Certified> {
    return this.#turn(async () => {
      const frame = await check()
      this.#frame ??= frame
      if (this.#frame.ceremony !== frame.ceremony) throw new Refusal('keygen.roster_mismatch')
      const answer = this.#answers.get(index) ?? (await this.#certify(this.#frame, index))
      this.#answers.set(index, answer)
      if (answer instanceof Refusal) throw answer
      return answer
    })
  }

  async #certify(frame: Frame, index: number): Promise<Certified | Refusal> {
    const { take, transcript, misfit } = this.#source
    const made = take(index, frame.roster)
    try {
      return await certify(this.#parts, frame, { index, transcript: transcript(frame.roster), misfit }, made)
    } catch (error) {
      return error instanceof Refusal ? error : new Refusal('enclave.failed')
    }
  }

  begun(): boolean {
    return this.#frame !== null
  }

  finished(): number {
    return [...this.#answers.values()].filter((answer) => !(answer instanceof Refusal)).length
  }

  wipe(): void {
    this.#source.wipe()
  }
}
