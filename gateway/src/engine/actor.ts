import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { causedBy, causingRequest } from './cause.ts'
import type { Versioned } from './course.ts'

/** A kind of session, as its actor drives it. `S` state, `E` event, `F` effect. */
export type Behaviour<S, E, F> = Readonly<{
  transition: (state: S, event: E) => S
  effects: (state: S) => readonly F[]
  hasEnded: (state: S) => boolean
  /** ms since 1970; then `timePassed` happens. */
  expiresAt: (state: S) => number
  timePassed: (now: number) => E
  clock: () => number
  /** Answers an effect that needs no host, before the state is saved. Null for an effect that needs one. */
  answer: (state: S, effect: F) => E | null
  /** Names an effect. The actor never runs two of one name at a time. Null for an effect that `answer` answers. */
  nameOf: (effect: F) => string | null
  /** Puts the effect's question to its host and gives the outcome as an event. Never rejects. */
  perform: (state: S, effect: F) => Promise<E>
  /**
   * Does this event need no saving? So it is for an answer that its host repeats when asked again. A state that differs by such
   * events alone is not saved.
   */
  isRepeatable: (after: S, event: E) => boolean
  /** Writes `after` at `expected + 1` and gives that version. Rejects with a `Refusal`, and then nothing is written. */
  save: (before: S | null, after: S, expected: number) => Promise<number>
  /** `here`: this gateway drives the session. */
  load: () => Promise<(Versioned<S> & Readonly<{ here: boolean }>) | null>
  /** A state was saved. */
  saved: (now: Versioned<S>) => void
  /** Another gateway drives the session: this actor is to be stopped. */
  lost: () => void
  failed: (error: unknown) => void
}>

type Letter<S, E> = Readonly<{
  /** Null: look only for effects that `answer` answers. */
  event: E | null
  /** By which it was begun. */
  request: string | undefined
  poster: { resolve: (state: S) => void; reject: (error: unknown) => void } | null
}>

/** Longest delay of Node's timers, ms. */
const LONGEST = 2 ** 31 - 1
const RETRY_MS = 250
const MAX_CONFLICTS = 5

/**
 * Drives one session. Every event goes through one mailbox; the actor saves the new state, then performs what the state owes. A
 * failed save is reported to the poster of the event. For events of hosts and of the clock the actor tries the save again.
 * When the store holds another version, the actor takes that one and applies the events to it, if the session is still this gateway's.
 */
export class Actor<S, E, F> {
  readonly #behaviour: Behaviour<S, E, F>
  readonly #underWay = new Set<string>()
  #current: Versioned<S>
  #stored: S | null
  #mailbox: Letter<S, E>[] = []
  #reading = false
  #read: Promise<void> = Promise.resolve()
  #saving = false
  /** The newest version that is known to be saved. */
  #heard = 0
  #stopped: RefusalCode | null = null
  #retry: NodeJS.Timeout | null = null
  #alarm: NodeJS.Timeout | null = null
  /** When the alarm rings. */
  #due = Infinity

  /** Version 0 is a session that the store has not seen; the first `post` inserts it. */
  constructor(behaviour: Behaviour<S, E, F>, start: Versioned<S>) {
    this.#behaviour = behaviour
    this.#current = start
    this.#stored = start.version === 0 ? null : start.state
    this.#setAlarm()
  }

  get current(): Versioned<S> {
    return this.#current
  }

  /** Resolves when the event's outcome is saved. Null: look only for effects that `answer` answers. */
  post(event: E | null): Promise<S> {
    if (this.#stopped !== null) return Promise.reject(new Refusal(this.#stopped))
    const request = causingRequest()
    return new Promise((resolve, reject) => this.#deliver({ event, request, poster: { resolve, reject } }))
  }

  /** Looks again for effects that `answer` answers: hosts came or went. */
  wake(): void {
    this.#deliver({ event: null, request: undefined, poster: null })
  }

  /** A version was saved, by whoever. When it was another gateway, that one drives the session. */
  heard(version: number): void {
    this.#heard = Math.max(this.#heard, version)
    if (!this.#saving && this.#heard > this.#current.version && this.#stopped === null) this.#behaviour.lost()
  }

  /** Takes no more events: they are refused with `code`. Resolves when the write that is under way has ended. */
  async stop(code: RefusalCode = 'gateway.draining'): Promise<void> {
    this.#stopped ??= code
    for (const timer of [this.#alarm, this.#retry]) if (timer) clearTimeout(timer)
    await this.#read
    for (const { poster } of this.#mailbox) poster?.reject(new Refusal(this.#stopped))
    this.#mailbox = []
  }

  #deliver(letter: Letter<S, E>): void {
    if (this.#stopped !== null) return
    this.#mailbox.push(letter)
    this.#drain()
  }

  #drain(): void {
    // Nobody's: letters of many requests are read in one go.
    if (!this.#reading) this.#read = causedBy(undefined, () => this.#readMail())
  }

  async #readMail(): Promise<void> {
    this.#reading = true
    while (this.#mailbox.length > 0 && this.#stopped === null) {
      const letters = this.#mailbox
      this.#mailbox = []
      const before = this.#current.state
      // Of several requests that are kept together, the last one is named.
      const request = letters.findLast((letter) => letter.request !== undefined)?.request
      try {
        await causedBy(request, () => this.#keep(letters))
      } catch (error) {
        if (this.#putBack(letters, error)) break
        continue
      }
      if (this.#current.state !== before || letters.some(({ event }) => event === null)) this.#performOwed(request)
      for (const { poster } of letters) poster?.resolve(this.#current.state)
    }
    this.#reading = false
  }

  /** Folds the letters into the state and saves it if that is owed. */
  async #keep(letters: readonly Letter<S, E>[]): Promise<void> {
    for (let conflicts = 0; ; conflicts += 1) {
      const { version } = this.#current
      const { next, owed } = this.#fold(letters)
      if (!owed) {
        this.#current = { version, state: next }
        return
      }
      try {
        await this.#save(next)
        return
      } catch (error) {
        if (!isConflict(error) || conflicts === MAX_CONFLICTS || version === 0) throw error
        await this.#takeStored(error)
      }
    }
  }

  async #save(next: S): Promise<void> {
    this.#saving = true
    try {
      const version = await this.#behaviour.save(this.#stored, next, this.#current.version)
      this.#take({ version, state: next })
    } finally {
      this.#saving = false
    }
    this.heard(this.#current.version)
  }

  async #takeStored(conflict: unknown): Promise<void> {
    const stored = await this.#behaviour.load()
    if (stored === null) throw conflict
    if (!stored.here) {
      this.#behaviour.lost()
      throw new Refusal('session.elsewhere')
    }
    this.#take({ version: stored.version, state: stored.state })
  }

  #take(stored: Versioned<S>): void {
    this.#current = stored
    this.#stored = stored.state
    if (this.#alarm && this.#behaviour.hasEnded(stored.state)) clearTimeout(this.#alarm)
    else if (this.#behaviour.expiresAt(stored.state) < this.#due) this.#setAlarm()
    try {
      this.#behaviour.saved(stored)
    } catch (error) {
      // The state is saved, even when a listener throws.
      this.#behaviour.failed(error)
    }
  }

  #fold(letters: readonly Letter<S, E>[]): { next: S; owed: boolean } {
    let next = this.#current.state
    let owed = this.#stored === null
    for (const { event } of letters) {
      const after = this.#answerHere(event === null ? next : this.#behaviour.transition(next, event))
      if (after !== next && !(event !== null && this.#behaviour.isRepeatable(after, event))) owed = true
      next = after
    }
    return { next, owed }
  }

  #answerHere(state: S): S {
    const { effects, answer, transition } = this.#behaviour
    for (const effect of effects(state)) {
      const event = answer(state, effect)
      const next = event === null ? state : transition(state, event)
      if (next !== state) return this.#answerHere(next)
    }
    return state
  }

  #performOwed(request: string | undefined): void {
    const { effects, nameOf, perform } = this.#behaviour
    const { state } = this.#current
    for (const effect of this.#stopped === null ? effects(state) : []) {
      const name = nameOf(effect)
      if (name === null || this.#underWay.has(name)) continue
      this.#underWay.add(name)
      void perform(state, effect)
        .then((event) => {
          this.#underWay.delete(name)
          this.#deliver({ event, request, poster: null })
        })
        .catch((error: unknown) => this.#behaviour.failed(error))
    }
  }

  /**
   * Keeps letters without a poster for a later try. Gives false when our own code failed: it would fail again. Who begins a session that there is
   * already is told so, and nothing has failed.
   */
  #putBack(letters: readonly Letter<S, E>[], error: unknown): boolean {
    const isThere = this.#current.version === 0 && isConflict(error)
    if (!isThere) this.#behaviour.failed(error)
    for (const { poster } of letters) poster?.reject(error)
    if (this.#stopped !== null) return true
    if (this.#current.version === 0 || !(error instanceof Refusal)) return false
    this.#mailbox = [...letters.filter(({ poster }) => poster === null), ...this.#mailbox]
    this.#retry ??= setTimeout(() => {
      this.#retry = null
      this.#drain()
    }, RETRY_MS).unref()
    return true
  }

  #setAlarm(): void {
    const { hasEnded, expiresAt, clock, timePassed } = this.#behaviour
    if (this.#stopped !== null || hasEnded(this.#current.state)) return
    if (this.#alarm) clearTimeout(this.#alarm)
    this.#due = expiresAt(this.#current.state)
    const left = Math.max(this.#due - clock(), 0)
    const ring = () => {
      this.#deliver({ event: timePassed(clock()), request: undefined, poster: null })
      // A save that is under way may move the deadline: the alarm is set anew after it.
      void this.#read.then(() => {
        if (clock() < expiresAt(this.#current.state)) this.#setAlarm()
      })
    }
    this.#alarm = setTimeout(ring, Math.min(left + 1, LONGEST)).unref()
  }
}

const isConflict = (error: unknown): boolean => error instanceof Refusal && error.code === 'session.conflict'
