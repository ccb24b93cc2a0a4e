/**
 * Who holds how much of something that all share. A holder is named by a text; each thing has one holder and a weight. Pure: nobody is
 * refused here.
 */
export class Holdings {
  readonly #of = new Map<string, Map<string, number>>()
  readonly #weights = new Map<string, number>()
  readonly #holderOf = new Map<string, string>()
  #total = 0

  /** Of all holders together. */
  get total(): number {
    return this.#total
  }

  /** How many hold something. */
  get holders(): number {
    return this.#of.size
  }

  count(holder: string): number {
    return this.#of.get(holder)?.size ?? 0
  }

  weight(holder: string): number {
    return this.#weights.get(holder) ?? 0
  }

  oldest(holder: string): string | null {
    return this.#of.get(holder)?.keys().next().value ?? null
  }

  /** The holder's things, the oldest first. */
  things(holder: string): string[] {
    return [...(this.#of.get(holder)?.keys() ?? [])]
  }

  has(thing: string): boolean {
    return this.#holderOf.has(thing)
  }

  /** A thing that is held already stays as it is. */
  take(holder: string, thing: string, weight = 1): void {
    if (this.has(thing)) return
    const things = this.#of.get(holder) ?? new Map<string, number>()
    this.#of.set(holder, things.set(thing, weight))
    this.#holderOf.set(thing, holder)
    this.#add(holder, weight)
  }

  release(thing: string): void {
    const holder = this.#holderOf.get(thing)
    const things = holder === undefined ? undefined : this.#of.get(holder)
    if (holder === undefined || things === undefined) return
    this.#add(holder, -(things.get(thing) ?? 0))
    things.delete(thing)
    this.#holderOf.delete(thing)
    if (things.size > 0) return
    this.#of.delete(holder)
    this.#weights.delete(holder)
  }

  /** Who holds most; null when nobody holds anything. */
  largest(): string | null {
    let found: string | null = null
    for (const [holder, weight] of this.#weights) if (found === null || weight > this.weight(found)) found = holder
    return found
  }

  /** All holders, who holds most first. */
  byWeight(): string[] {
    return [...this.#weights].sort(([, a], [, b]) => b - a).map(([holder]) => holder)
  }

  #add(holder: string, weight: number): void {
    this.#total += weight
    this.#weights.set(holder, this.weight(holder) + weight)
  }
}
