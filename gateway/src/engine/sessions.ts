import { Refusal } from '@quorate/shared/errors'
import { Actor } from './actor.ts'
import type { Session, Terms, Versioned } from './course.ts'
import { behaviourOf, type Driven } from './drive.ts'
import { effects, hasEnded, type Effect, type Event } from './machine.ts'
import type { StoredSession, Waiting } from './ports.ts'
import type { HostId } from '@quorate/shared/wire/host'

/** Ended sessions that stay in memory, since their owners are about to ask for the outcome. */
const ENDED_KEPT = 2_000

type Now<T extends Terms> = Versioned<Session<T>>

/**
 * `taken` hears of every session that was loaded from the store. `saved` hears of every written state before the waiting callers
 * do. `counted` hears how many sessions are open whenever that number changes.
 */
export type Kind<T extends Terms> = Driven<T> &
  Readonly<{
    taken?: (state: Session<T>) => void
    saved?: (now: Now<T>) => void
    counted: (open: number) => void
  }>

/** The sessions of one kind: all open ones in memory, each with its actor, and who waits for them. */
export class Sessions<T extends Terms> {
  readonly #of: Kind<T>
  readonly #open = new Map<string, Actor<Session<T>, Event<T>, Effect<T>>>()
  readonly #ended = new Map<string, Now<T>>()
  readonly #watchers = new Map<string, Set<(now: Now<T>) => void>>()
  readonly #waiting = new Set<() => void>()
  #closed = false

  constructor(of: Kind<T>) {
    this.#of = of
  }

  get size(): number {
    return this.#open.size
  }

  states(): Session<T>[] {
    return [...this.#open.values()].map(({ current }) => current.state)
  }

  /** The open session in memory, if it is there. */
  opened(id: string): Now<T> | null {
    return this.#open.get(id)?.current ?? null
  }

  /** Takes up a session that the store holds, and performs what is owed. */
  take({ id, version, state }: StoredSession): Actor<Session<T>, Event<T>, Effect<T>> {
    const known = this.#open.get(id)
    if (known) return known
    const actor = this.#start(id, { version, state: state as Session<T> })
    this.#open.set(id, actor)
    this.#of.counted(this.#open.size)
    this.#of.taken?.(actor.current.state)
    actor.wake()
    return actor
  }

  /** Begins a session. Rejects with `session.conflict` when there is one of this id. */
  async insert(id: string, state: Session<T>): Promise<Now<T>> {
    if (this.#closed) throw new Refusal('gateway.draining')
    if (this.#open.has(id)) throw new Refusal('session.conflict')
    const actor = this.#start(id, { version: 0, state })
    this.#open.set(id, actor)
    this.#of.counted(this.#open.size)
    try {
      await actor.post(null)
    } catch (error) {
      this.#open.delete(id)
      this.#of.counted(this.#open.size)
      await actor.stop()
      throw error
    }
    return actor.current
  }

  /** Rejects with `request.not_found`. */
  async find(id: string): Promise<Now<T>> {
    const known = this.#open.get(id)?.current ?? this.#ended.get(id)
    if (known && known.version > 0) return known
    const stored = await this.#of.ports.store.loadSession(this.#of.course.of.kind, id)
    if (stored === null) throw new Refusal('request.not_found')
    const now = { version: stored.version, state: stored.state as Session<T> }
    if (hasEnded(now.state)) {
      this.#keep(id, now)
      return now
    }
    return this.take(stored).current
  }

  /** Applies an event. Gives the saved state. Rejects with `request.not_found`, `store.failed` or `gateway.draining`. */
  async post(id: string, event: Event<T>): Promise<Now<T>> {
    const now = await this.find(id)
    const actor = this.#open.get(id)
    if (actor === undefined) return now
    await actor.post(event)
    return actor.current
  }

  /** Applies a person's word. Gives the saved state. Rejects as `post`. */
  tell(id: string, word: T['word']): Promise<Now<T>> {
    return this.post(id, { type: 'told', word })
  }

  /** Lets every session that waits for hosts look for them again. */
  wake(): void {
    for (const actor of this.#open.values()) if (this.#owed(actor.current.state, 'find_hosts').length > 0) actor.wake()
  }

  /** The hosts whose answer this stored session waits for. */
  awaited({ state }: StoredSession): HostId[] {
    const s = state as Session<T>
    return this.#owed(s, 'ask').flatMap(({ index }) => s.seats[index - 1]?.host ?? [])
  }

  watch(id: string, listener: (now: Now<T>) => void): () => void {
    const listeners = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#watchers.get(id) === listeners) this.#watchers.delete(id)
    }
  }

  /** Reads and follows a session by its public status. */
  get following() {
    const { status } = this.#of.course
    return {
      status: async (id: string): Promise<T['status']> => status(await this.find(id)),
      wait: (id: string, waiting: Waiting): Promise<T['status']> => this.wait(id, waiting),
      watch: (id: string, listener: (status: T['status']) => void) => this.watch(id, (now) => listener(status(now))),
    }
  }

  /** The next status above version `after`, or the current one when time is up. */
  async wait(id: string, { after, ms, signal }: Waiting): Promise<T['status']> {
    const isNews = ({ version, state }: Now<T>) => hasEnded(state) || (after !== undefined && version > after)
    const now = await this.find(id)
    if (isNews(now)) return this.#of.course.status(now)
    await this.until(ms, signal, (stop) => this.watch(id, (next) => isNews(next) && stop()))
    return this.#of.course.status(await this.find(id))
  }

  /**
   * Resolves when `subscribe`'s callback is called, when `ms` have passed, on abort, and when this closes. Rejects with
   * `gateway.draining` once it is closed.
   */
  async until(ms: number, signal: AbortSignal | undefined, subscribe: (stop: () => void) => () => void): Promise<void> {
    if (this.#closed) throw new Refusal('gateway.draining')
    if (signal?.aborted) return
    const cleanup: (() => void)[] = []
    await new Promise<void>((resolve) => {
      const stop = () => resolve()
      const timer = setTimeout(stop, ms)
      this.#waiting.add(stop)
      signal?.addEventListener('abort', stop)
      cleanup.push(subscribe(stop), () => {
        clearTimeout(timer)
        this.#waiting.delete(stop)
        signal?.removeEventListener('abort', stop)
      })
    })
    for (const undo of cleanup) undo()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const stop of this.#waiting) stop()
    await Promise.all([...this.#open.values()].map((actor) => actor.stop()))
  }

  #start(id: string, start: Now<T>): Actor<Session<T>, Event<T>, Effect<T>> {
    const saved = (now: Now<T>) => {
      this.#of.saved?.(now)
      if (hasEnded(now.state)) {
        this.#open.delete(id)
        this.#of.counted(this.#open.size)
        this.#keep(id, now)
      }
      this.#inform(id, now)
    }
    return new Actor(behaviourOf(this.#of, id, saved), start)
  }

  #owed<N extends Effect<T>['type']>(s: Session<T>, type: N): Extract<Effect<T>, { type: N }>[] {
    return effects(this.#of.course, s).filter(
      (effect): effect is Extract<Effect<T>, { type: N }> => effect.type === type,
    )
  }

  /** Tells every watcher, also when one of them throws. */
  #inform(id: string, now: Now<T>): void {
    const errors: unknown[] = []
    for (const listener of this.#watchers.get(id) ?? []) {
      try {
        listener(now)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors)
  }

  #keep(id: string, now: Now<T>): void {
    this.#ended.set(id, now)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > ENDED_KEPT && oldest !== undefined) this.#ended.delete(oldest)
  }
}
