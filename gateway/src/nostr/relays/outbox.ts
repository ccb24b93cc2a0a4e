import type { SignedEvent, Envelope } from '@quorate/shared/nostr/event'
import { reasonOf } from './frames.ts'

/** An event that a relay is to have. `sentAt`: when it was sent last over the connection of now; null: not yet. ms */
type Letter = { event: Published; text: string; since: number; sentAt: number | null; done: (isTaken: boolean) => void }

export type Published = SignedEvent | Envelope

/** `ms`: after which an event is given up; `again`: after which it is sent once more. */
export type OutboxBounds = Readonly<{ count: number; characters: number; ms: number; again: number }>

export const outboxBounds: OutboxBounds = { count: 4_096, characters: 16 << 20, ms: 600_000, again: 10_000 }

/** Reasons for which the same event may be taken later. */
const LATER: ReadonlySet<string> = new Set(['auth-required', 'rate-limited', 'error'])

/** What one relay is to have and has not taken yet, the oldest first. The oldest goes when there is too much. */
export class Outbox {
  readonly #letters = new Map<string, Letter>()
  readonly #bounds: OutboxBounds
  #characters = 0

  constructor(bounds: OutboxBounds = outboxBounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#letters.size
  }

  /** Resolves when the relay has taken it, or when it is given up. The same event again is the same letter. */
  put(event: Published, text: string, now: number): Promise<boolean> {
    return new Promise((resolve) => {
      const known = this.#letters.get(event.id)
      if (known !== undefined) {
        const first = known.done
        known.done = (isTaken) => {
          first(isTaken)
          resolve(isTaken)
        }
        return
      }
      this.#letters.set(event.id, { event, text, since: now, sentAt: null, done: resolve })
      this.#characters += text.length
      for (const [oldest] of this.#letters) {
        if (this.#letters.size <= this.#bounds.count && this.#characters <= this.#bounds.characters) break
        this.#end(oldest, false)
      }
    })
  }

  /** What is to be sent now. It counts as sent. */
  due(now: number): string[] {
    const due: string[] = []
    for (const [id, letter] of this.#letters) {
      if (now - letter.since >= this.#bounds.ms) this.#end(id, false)
      else if (letter.sentAt === null || now - letter.sentAt >= this.#bounds.again) {
        letter.sentAt = now
        due.push(letter.text)
      }
    }
    return due
  }

  /** The relay has said OK to an event, or why not. Gives the reason for which it is to be sent again, null when it is over. */
  answered(id: string, isTaken: boolean, why: string): string | null {
    const reason = isTaken ? 'duplicate' : reasonOf(why)
    if (LATER.has(reason)) return this.#letters.has(id) ? reason : null
    this.#end(id, isTaken || reason === 'duplicate')
    return null
  }

  /** The connection is gone, or another key has shown itself: all is to be sent anew. */
  unsend(): void {
    for (const letter of this.#letters.values()) letter.sentAt = null
  }

  close(): void {
    for (const id of [...this.#letters.keys()]) this.#end(id, false)
  }

  #end(id: string, isTaken: boolean): void {
    const letter = this.#letters.get(id)
    if (letter === undefined) return
    this.#letters.delete(id)
    this.#characters -= letter.text.length
    letter.done(isTaken)
  }
}
