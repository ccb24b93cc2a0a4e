import { resolve } from 'node:path'
import type { Moved } from '../engine/ports.ts'

type Listener = (at: Moved) => void

/** Who listens, by the path of the database. */
const listening = new Map<string, Set<Listener>>()

/** Tells all handles of this process on one database what any of them has saved. `fault` hears of a listener that throws. */
export function movesOf(path: string, fault: () => void) {
  const place = resolve(path)
  const own = new Set<Listener>()
  const forget = (listener: Listener) => {
    const listeners = listening.get(place)
    own.delete(listener)
    if (listeners?.delete(listener) && listeners.size === 0) listening.delete(place)
  }
  return {
    tell(at: Moved): void {
      for (const listener of [...(listening.get(place) ?? [])]) {
        try {
          listener(at)
        } catch {
          fault()
        }
      }
    },
    listen(listener: Listener): () => void {
      // Each has an identity of its own, also when one function listens twice.
      const mine: Listener = (at) => listener(at)
      own.add(mine)
      const listeners = listening.get(place) ?? new Set()
      listening.set(place, listeners.add(mine))
      return () => forget(mine)
    },
    close(): void {
      for (const listener of [...own]) forget(listener)
    },
  }
}
