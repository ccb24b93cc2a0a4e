import { Refusal } from '@quorate/shared/errors'
import { Actor } from './actor.ts'
import type { Session, Terms, Versioned } from './course.ts'
import { behaviourOf, reportFailure, type Driven } from './drive.ts'
import { effects, hasEnded, type Effect, type Event } from './machine.ts'
import { oncePer } from './once-per.ts'
import type { Moved, StoredSession, Waiting } from './ports.ts'
import { Watchers } from './watchers.ts'
import type { HostId } from '@quorate/shared/wire/host'

/** Ended sessions that stay in memory, since their owners are about to ask for the outcome. */
const ENDED_KEPT = 2_000

type Now<T extends Terms> = Versioned<Session<T>>

/**
 * `shared` puts what many sessions hold alike in one place of memory. `taken` hears of every session that was loaded from the store. `saved` hears of every written state before the waiting callers
 * do. `elsewhere` hears of states that other gateways have written, as far as the store tells. `dropped` hears of every session that another gateway drives now. `counted` hears how many sessions this gateway drives
 * whenever that number changes.
 */
export type Kind<T extends Terms> = Driven<T> &
  Readonly<{
    shared?: (state: Session<T>) => Session<T>
    taken?: (state: Session<T>) => void
    saved?: (now: Now<T>) => void
    elsewhere?: (now: Now<T>) => void
    dropped?: (state: Session<T>) => void
    counted: (open: number) => void
  }>

/**
 * The sessions of one kind: in memory those that this gateway drives, each with its actor, and who waits for any of them. What is in
 * memory is the truth while the lease holds; everything else is read from the store each time it is asked for.
 */
export class Sessions<T extends Terms> {
  readonly #of: Kind<T>
  readonly #open = new Map<string, Actor<Session<T>, Event<T>, Effect<T>>>()
  readonly #ended = new Map<string, Now<T>>()
  readonly #watchers = new Watchers<Now<T>>()
  readonly #waiting = new Set<() => void>()
  readonly #stopListening: () => void
  readonly #status: (now: Now<T>) => T['status']
  #closed = false

  constructor(of: Kind<T>) {
    this.#of = of
    this.#status = oncePer(of.course.status)
    this.#stopListening = of.ports.store.moved((at) => this.#moved(at))
  }

  get size(): number {
    return this.#open.size
  }

  /** Does this gateway drive the session? */
  drives(id: string): boolean {
    return this.#open.has(id)
  }

  /** Takes up a session that this gateway has claimed, and performs what is owed. */
  take({ id, version, state }: StoredSession): void {
    // An actor of a version before this one is dropped, and the session taken up anew.
    this.#open.get(id)?.heard(version)
    const start = { version, state: this.#shared(state) }
    if (this.#closed || this.#open.has(id) || this.#ended.has(id) || hasEnded(start.state)) return
    const actor = this.#start(id, start)
    this.#open.set(id, actor)
    this.#of.counted(this.#open.size)
    this.#of.taken?.(actor.current.state)
    actor.wake()
  }

  /** Asks the store which sessions are still this gateway's, and drops the others. */
  async recheck(): Promise<void> {
    const recheck = async ([id, actor]: [string, Actor<Session<T>, Event<T>, Effect<T>>]) => {
      const stored = await this.#load(id)
      if (this.#open.get(id) !== actor) return
      if (stored?.here) this.take(stored)
      else this.#drop(id)
    }
    await Promise.all([...this.#open].filter(([, { current }]) => current.version > 0).map(recheck))
  }

  /** Begins a session, with what it brings along. Rejects with `session.conflict` when there is one of this id. */
  async insert(id: string, state: Session<T>, enclosure?: unknown): Promise<Now<T>> {
    if (this.#closed) throw new Refusal('gateway.draining')
    if (this.#open.has(id)) throw new Refusal('session.conflict')
    const actor = this.#start(id, { version: 0, state }, enclosure)
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
    const driven = this.#of.ports.lease.holds() ? this.#open.get(id)?.current : undefined
    const known = this.#ended.get(id) ?? driven
    if (known && known.version > 0) return known
    const stored = await this.#load(id)
    if (stored === null) throw new Refusal('request.not_found')
    const now = { version: stored.version, state: this.#shared(stored.state) }
    if (hasEnded(now.state)) {
      this.#keep(id, now)
      return now
    }
    if (stored.here) this.take(stored)
    return now
  }

  /**
   * Applies an event. Gives the saved state. Rejects with `request.not_found`, `store.failed`, `gateway.draining`, or
   * `session.elsewhere` when another gateway drives the session: then the event has changed nothing, and may be sent again.
   */
  async post(id: string, event: Event<T>): Promise<Now<T>> {
    const { lease } = this.#of.ports
    let now = await this.find(id)
    if (!hasEnded(now.state) && !(this.#open.has(id) && lease.holds())) {
      await lease.claim()
      now = await this.find(id)
    }
    if (hasEnded(now.state)) return now
    const actor = this.#open.get(id)
    if (actor === undefined) throw new Refusal('session.elsewhere')
    await actor.post(event)
    return actor.current
  }

  /** Applies a person's word. Gives the saved state. Rejects as `post`. */
  tell(id: string, word: T['word']): Promise<Now<T>> {
    return this.post(id, { type: 'told', word })
  }

  /** Lets every session look again that waits for hosts, or pauses. */
  wake(): void {
    for (const actor of this.#open.values()) {
      const { state } = actor.current
      if (this.#owed(state, 'find_hosts').length + this.#owed(state, 'pass').length > 0) actor.wake()
    }
  }

  /** The hosts whose answer this stored session waits for. */
  awaited({ state }: StoredSession): HostId[] {
    const s = state as Session<T>
    return this.#owed(s, 'ask').flatMap(({ index }) => s.seats[index - 1]?.host ?? [])
  }

  /** Calls `listener` with later states, each version once. One that this gateway does not drive may skip versions. */
  watch(id: string, listener: (now: Now<T>) => void): () => void {
    return this.#watchers.add(id, listener)
  }

  /** Reads and follows a session by its public status, which all who look at one version share. */
  get following() {
    const status = this.#status
    return {
      status: async (id: string): Promise<T['status']> => status(await this.find(id)),
      wait: (id: string, waiting: Waiting): Promise<T['status']> => this.wait(id, waiting),
      watch: (id: string, listener: (status: T['status']) => void) => this.watch(id, (now) => listener(status(now))),
    }
  }

  /** The next status above version `after`, or the current one when time is up. */
  async wait(id: string, { after, ms, signal }: Waiting): Promise<T['status']> {
    const isNews = ({ version, state }: Now<T>) => hasEnded(state) || (after !== undefined && version > after)
    const status = this.#status
    let hasNews = false
    let wake = () => {}
    // Watched before it is read: what is saved in between is not missed.
    const unwatch = this.watch(id, (next) => {
      hasNews ||= isNews(next)
      if (hasNews) wake()
    })
    try {
      const now = await this.find(id)
      if (isNews(now)) return status(now)
      await this.until(ms, signal, (stop) => {
        wake = stop
        if (hasNews) stop()
        return unwatch
      })
      return status(await this.find(id))
    } finally {
      unwatch()
    }
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
    this.#stopListening()
    for (const stop of this.#waiting) stop()
    await Promise.all([...this.#open.values()].map((actor) => actor.stop()))
  }

  #start(id: string, start: Now<T>, enclosure?: unknown): Actor<Session<T>, Event<T>, Effect<T>> {
    const saved = (now: Now<T>) => {
      this.#of.saved?.(now)
      if (hasEnded(now.state)) {
        this.#open.delete(id)
        this.#of.counted(this.#open.size)
        this.#keep(id, now)
      }
      this.#watchers.tell(id, now)
    }
    return new Actor(behaviourOf(this.#of, id, { saved, lost: () => this.#drop(id), enclosure }), start)
  }

  #shared(state: unknown): Session<T> {
    const s = state as Session<T>
    return this.#of.shared?.(s) ?? s
  }

  #load(id: string): Promise<StoredSession | null> {
    return this.#of.ports.store.loadSession(this.#of.course.of.kind, id)
  }

  #moved({ kind, id, version }: Moved): void {
    if (kind !== this.#of.course.of.kind) return
    const actor = this.#open.get(id)
    if (actor) actor.heard(version)
    else if (this.#of.elsewhere || this.#watchers.has(id)) void this.#refresh(id)
  }

  /** Another gateway drives the session: forgets it, and gives what is stored to whoever waits. */
  #drop(id: string): void {
    const actor = this.#open.get(id)
    if (actor === undefined) return
    this.#open.delete(id)
    this.#of.counted(this.#open.size)
    this.#of.dropped?.(actor.current.state)
    void actor.stop('session.elsewhere')
    void this.#refresh(id)
  }

  /** Tells what is stored of a session that this gateway does not drive. */
  async #refresh(id: string): Promise<void> {
    try {
      const now = await this.find(id)
      this.#of.elsewhere?.(now)
      this.#watchers.tell(id, now)
    } catch (error) {
      reportFailure(this.#of, error)
    }
  }

  #owed<N extends Effect<T>['type']>(s: Session<T>, type: N): Extract<Effect<T>, { type: N }>[] {
    return effects(this.#of.course, s).filter(
      (effect): effect is Extract<Effect<T>, { type: N }> => effect.type === type,
    )
  }

  #keep(id: string, now: Now<T>): void {
    this.#ended.set(id, now)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > ENDED_KEPT && oldest !== undefined) this.#ended.delete(oldest)
  }
}
