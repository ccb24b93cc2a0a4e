import type { Versioned } from './course.ts'

type Listener<N> = (now: N) => void

/** Who watches which session. Each version is told once, and none after a later one. */
export class Watchers<N extends Versioned<unknown>> {
  readonly #of = new Map<string, { listeners: Set<Listener<N>>; told: number }>()

  has(id: string): boolean {
    return this.#of.has(id)
  }

  add(id: string, listener: Listener<N>): () => void {
    const watched = this.#of.get(id) ?? { listeners: new Set(), told: 0 }
    this.#of.set(id, watched)
    // Each has an identity of its own, also when one function watches twice.
    const mine: Listener<N> = (now) => listener(now)
    watched.listeners.add(mine)
    return () => {
      watched.listeners.delete(mine)
      if (watched.listeners.size === 0 && this.#of.get(id) === watched) this.#of.delete(id)
    }
  }

  /** Tells every watcher, also when one of them throws. */
  tell(id: string, now: N): void {
    const watched = this.#of.get(id)
    if (watched === undefined || now.version <= watched.told) return
    watched.told = now.version
    const errors: unknown[] = []
    for (const listener of watched.listeners) {
      try {
        listener(now)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors)
  }
}
