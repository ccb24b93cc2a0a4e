import { delayAfter, type BackOff } from '../../engine/back-off.ts'

/** When something that fails may be tried again: at once the first time, then after growing pauses, until it succeeds. */
export class Pace {
  readonly #backOff: BackOff
  #failures = 0
  #notBefore = 0

  constructor(backOff: BackOff) {
    this.#backOff = backOff
  }

  isDue(): boolean {
    return performance.now() >= this.#notBefore
  }

  failed(): void {
    this.#failures += 1
    this.#notBefore = performance.now() + delayAfter(this.#failures, this.#backOff)
  }

  reset(): void {
    this.#failures = 0
    this.#notBefore = 0
  }
}
