import { keepNewest } from '../bounds/newest.ts'

type Terms = Readonly<{ most: number; ms?: number; clock?: () => number }>

/** Remembers the newest `most` names, each for `ms`. */
export class Seen {
  readonly #at = new Map<string, number>()
  readonly #terms: Required<Terms>

  constructor({ most, ms = Infinity, clock = () => 0 }: Terms) {
    this.#terms = { most, ms, clock }
  }

  has(name: string): boolean {
    const at = this.#at.get(name)
    return at !== undefined && this.#terms.clock() - at < this.#terms.ms
  }

  add(name: string): void {
    keepNewest(this.#at, name, this.#terms.clock(), this.#terms.most)
  }
}
