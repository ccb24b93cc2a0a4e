import { Refusal } from '@quorate/shared/errors'
import type { SessionKind, SessionStates, Store, StoredSession } from '../store/store.ts'
import { Actor, type Behaviour, type Versioned } from './actor.ts'
import type { StatusOf, Waiting } from './ports.ts'

/** Ended sessions that stay in memory, since their owners are about to ask for the outcome. */
const ENDED_KEPT = 2_000

type BehaviourOf<K extends SessionKind, E, F> = (
  id: string,
  saved: (now: Versioned<SessionStates[K]>) => void,
) => Behaviour<SessionStates[K], E, F>

type Kind<K extends SessionKind, E, F> = Readonly<{
  kind: K
  store: Store
  behaviourOf: BehaviourOf<K, E, F>
  statusOf: (now: Versioned<SessionStates[K]>) => StatusOf[K]
  hasEnded: (state: SessionStates[K]) => boolean
  /** `size` has changed. */
  counted: () => void
}>

/** The sessions of one kind: all open ones in memory, each with its actor, and who waits for them. */
export class Sessions<K extends SessionKind, E, F> {
  readonly #of: Kind<K, E, F>
  readonly #open = new Map<string, Actor<SessionStates[K], E, F>>()
  readonly #ended = new Map<string, Versioned<SessionStates[K]>>()
  readonly #watchers = new Map<string, Set<(now: Versioned<SessionStates[K]>) => void>>()
  readonly #waiting = new Set<() => void>()
  #closed = false

  constructor(of: Kind<K, E, F>) {
    this.#of = of
  }

  get size(): number {
    return this.#open.size
  }

  states(): SessionStates[K][] {
    return [...this.#open.values()].map(({ current }) => current.state)
  }

  /** The open session in memory, if it is there. */
  opened(id: string): Versioned<SessionStates[K]> | null {
    return this.#open.get(id)?.current ?? null
  }

  /** Takes up a session that the store holds, and performs what is owed. */
  take({ id, version, state }: Extract<StoredSession, { kind: K }>): Actor<SessionStates[K], E, F> {
    const known = this.#open.get(id)
    if (known) return known
    const actor = this.#start(id, { version, state: state as SessionStates[K] })
    this.#open.set(id, actor)
    this.#of.counted()
    actor.wake()
    return actor
  }

  /** Begins a session. Rejects with `session.conflict` when there is one of this id. */
  async insert(id: string, state: SessionStates[K]): Promise<Versioned<SessionStates[K]>> {
    if (this.#closed) throw new Refusal('gateway.draining')
    if (this.#open.has(id)) throw new Refusal('session.conflict')
    const actor = this.#start(id, { version: 0, state })
    this.#open.set(id, actor)
    this.#of.counted()
    try {
      await actor.post(null)
    } catch (error) {
      this.#open.delete(id)
      this.#of.counted()
      await actor.stop()
      throw error
    }
    return actor.current
  }

  /** Rejects with `request.not_found`. */
  async find(id: string): Promise<Versioned<SessionStates[K]>> {
    const known = this.#open.get(id)?.current ?? this.#ended.get(id)
    if (known && known.version > 0) return known
    const stored = await this.#of.store.loadSession(this.#of.kind, id)
    if (stored === null) throw new Refusal('request.not_found')
    const now = { version: stored.version, state: stored.state as SessionStates[K] }
    if (this.#of.hasEnded(now.state)) {
      this.#keep(id, now)
      return now
    }
    return this.take(stored).current
  }

  /** Gives what became of it, saved. Rejects with `request.not_found`, `store.failed` or `gateway.draining`. */
  async post(id: string, event: E): Promise<Versioned<SessionStates[K]>> {
    const now = await this.find(id)
    const actor = this.#open.get(id)
    if (actor === undefined) return now
    await actor.post(event)
    return actor.current
  }

  /** Wakes every session that `wants` it. */
  wake(wants: (state: SessionStates[K]) => boolean): void {
    for (const actor of this.#open.values()) if (wants(actor.current.state)) actor.wake()
  }

  watch(id: string, listener: (now: Versioned<SessionStates[K]>) => void): () => void {
    const listeners = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#watchers.get(id) === listeners) this.#watchers.delete(id)
    }
  }

  /** The next status that is news to who has seen `after`, or the current one when time is up. */
  async wait(id: string, { after, ms, signal }: Waiting): Promise<StatusOf[K]> {
    const isNews = ({ version, state }: Versioned<SessionStates[K]>) =>
      this.#of.hasEnded(state) || (after !== undefined && version > after)
    const now = await this.find(id)
    if (isNews(now)) return this.#of.statusOf(now)
    await this.until(ms, signal, (stop) => this.watch(id, (next) => isNews(next) && stop()))
    return this.#of.statusOf(await this.find(id))
  }

  /**
   * Resolves when `subscribe`'s callback is called, when `ms` have passed, on abort, and when this closes. Once it is closed
   * nobody can wait any more: `gateway.draining`.
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

  #start(id: string, start: Versioned<SessionStates[K]>): Actor<SessionStates[K], E, F> {
    const saved = (now: Versioned<SessionStates[K]>) => {
      if (this.#of.hasEnded(now.state)) {
        this.#open.delete(id)
        this.#of.counted()
        this.#keep(id, now)
      }
      this.#tell(id, now)
    }
    return new Actor(this.#of.behaviourOf(id, saved), start)
  }

  /** Everybody hears of it, also when one of them fails. */
  #tell(id: string, now: Versioned<SessionStates[K]>): void {
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

  #keep(id: string, now: Versioned<SessionStates[K]>): void {
    this.#ended.set(id, now)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > ENDED_KEPT && oldest !== undefined) this.#ended.delete(oldest)
  }
}
