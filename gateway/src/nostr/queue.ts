/** How much may wait, in pieces of work and in characters, and how much may be under way. */
type Bound = Readonly<{ waiting: number; characters: number; running: number }>

/** Of one client, of all strangers together, and of all. A stranger is a client that no host has served yet. */
export type QueueBounds = Readonly<Record<'client' | 'strangers' | 'all', Bound>>

export const queueBounds: QueueBounds = {
  client: { waiting: 64, characters: 4 << 20, running: 16 },
  strangers: { waiting: 32, characters: 1 << 20, running: 4 },
  all: { waiting: 2_048, characters: 32 << 20, running: 64 },
}

/** Under this name all strangers share what they have. No client is called so. */
const STRANGERS = 'strangers'

/** `run` never rejects. */
export type Work = Readonly<{ characters: number; run: () => Promise<void> }>

/** `served`: when work of it was begun last, by the count of all that was begun. */
type Lane = { waiting: Work[]; characters: number; running: number; served: number }

/**
 * The work of one bunker, each client's in its order of coming, the clients in turn. What is beyond a bound is dropped: a flood costs who
 * makes it.
 */
export class Queue {
  readonly #bounds: QueueBounds
  readonly #lanes = new Map<string, Lane>()
  readonly #all = { waiting: 0, characters: 0, running: 0 }
  #begun = 0
  #closed = false

  constructor(bounds: QueueBounds = queueBounds) {
    this.#bounds = bounds
  }

  /** False when there is no room: then nothing is done. `client`: null for a stranger. */
  add(client: string | null, work: Work): boolean {
    const name = client ?? STRANGERS
    const lane = this.#lanes.get(name) ?? { waiting: [], characters: 0, running: 0, served: 0 }
    const { all } = this.#bounds
    const own = this.#boundOf(name)
    const isFull =
      lane.waiting.length >= own.waiting ||
      lane.characters + work.characters > own.characters ||
      this.#all.waiting >= all.waiting ||
      this.#all.characters + work.characters > all.characters
    if (this.#closed || isFull) return false
    this.#lanes.set(name, lane)
    lane.waiting.push(work)
    this.#weigh(lane, work.characters, 1)
    this.#next()
    return true
  }

  close(): void {
    this.#closed = true
    this.#lanes.clear()
  }

  #boundOf(name: string): Bound {
    return name === STRANGERS ? this.#bounds.strangers : this.#bounds.client
  }

  #weigh(lane: Lane, characters: number, many: number): void {
    lane.characters += characters
    this.#all.characters += characters
    this.#all.waiting += many
  }

  #next(): void {
    for (const [name, lane] of [...this.#lanes].sort(([, one], [, other]) => one.served - other.served)) {
      if (this.#all.running >= this.#bounds.all.running) return
      if (lane.running >= this.#boundOf(name).running) continue
      const work = lane.waiting.shift()
      if (work === undefined) continue
      this.#weigh(lane, -work.characters, -1)
      this.#run(name, lane, work)
    }
  }

  #run(name: string, lane: Lane, work: Work): void {
    this.#all.running += 1
    lane.running += 1
    this.#begun += 1
    lane.served = this.#begun
    void work.run().finally(() => {
      this.#all.running -= 1
      lane.running -= 1
      if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(name)
      this.#next()
    })
  }
}
