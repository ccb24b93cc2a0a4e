import { boundReached } from '@quorate/shared/errors'
import type { KeyId } from '@quorate/shared/wire/ids'
import { Holdings } from '@quorate/shared/holdings'
import { isOfProgram, type SigningSession } from '../courses/signing-terms.ts'
import { hasEnded } from '../engine/machine.ts'
import type { Limits } from './ports.ts'

/** About what an open signing takes beside its items: request, approvals, audit. Characters. */
const BESIDE_ITEMS = 16_384
/** About what each item takes beside its content: its name in the request, decisions, and how it ends. Characters. */
const OF_ITEM = 512

type Bounds = Pick<Limits, 'openSigningsPerAsker' | 'weightPerAsker' | 'weightPerKey' | 'weightOfSignings'>
type Listed = Pick<SigningSession, 'id' | 'keyId' | 'seats' | 'own'>

/** Whom bounds count: a participant of the key, or a program that came to its bunker. */
function askerOf({ keyId, own }: Listed): string {
  const { asker } = own.request.body
  return `${keyId}/${typeof asker === 'number' ? asker : asker.client}`
}
const weightOf = ({ own }: Listed): number => own.weight + BESIDE_ITEMS + OF_ITEM * own.request.body.items.length

/** Open signings that this gateway drives, by key and by asker, with what they weigh, and who waits for one to appear. */
export class Directory {
  readonly #byKey = new Holdings()
  readonly #byAsker = new Holdings()
  /** Signings that hold room, and are not saved yet. */
  readonly #coming = new Set<string>()
  readonly #ofPrograms = new Set<string>()
  /** When each came, as a place in the order of all. */
  readonly #arrivals = new Map<string, number>()
  #arrived = 0
  readonly #listeners = new Map<KeyId, Set<() => void>>()
  readonly #quiet: (keyId: KeyId) => void

  /** `quiet` hears when the last open signing of a key is gone. */
  constructor(quiet: (keyId: KeyId) => void = () => undefined) {
    this.#quiet = quiet
  }

  /** In the order of their ids, which stays the same as others come and go. */
  of(keyId: KeyId): string[] {
    return this.#byKey
      .things(keyId)
      .filter((id) => !this.#coming.has(id))
      .sort()
  }

  /** Those that people ask for; with `after`, the id of an open one, those that came later. */
  ofPeople(keyId: KeyId, after?: string): string[] {
    const ids = this.of(keyId).filter((id) => !this.#ofPrograms.has(id))
    if (after === undefined || !ids.includes(after)) return ids
    return ids.filter((id) => this.#arrivalOf(id) > this.#arrivalOf(after))
  }

  /** Which of those that people ask for has come last. */
  newestOf(keyId: KeyId): string | null {
    const [first = null, ...others] = this.ofPeople(keyId)
    return others.reduce((newest, id) => (this.#arrivalOf(id) > this.#arrivalOf(newest ?? '') ? id : newest), first)
  }

  #arrivalOf(id: string): number {
    return this.#arrivals.get(id) ?? 0
  }

  count(keyId: KeyId): number {
    return this.#byKey.count(keyId)
  }

  /**
   * Throws `bound.reached` for a signing that its asker, its key or the gateway has no room for. Where a key or the gateway is full, who
   * holds less than its fair part is still let in, so that nobody locks others out; both hold at most twice their bound by that.
   */
  requireRoom(s: Listed, bounds: Bounds): void {
    const weight = weightOf(s)
    const asker = askerOf(s)
    const ofAsker = this.#byAsker.weight(asker) + weight
    const ofKey = this.#byKey.weight(s.keyId) + weight
    if (this.#byAsker.count(asker) >= bounds.openSigningsPerAsker || ofAsker > bounds.weightPerAsker)
      throw boundReached('asker')
    const isKeyFull = ofKey > bounds.weightPerKey && ofAsker > bounds.weightPerKey / s.seats.length
    if (isKeyFull || ofKey > 2 * bounds.weightPerKey) throw boundReached('key')
    const total = this.#byKey.total + weight
    const fairPart = bounds.weightOfSignings / (2 * Math.max(1, this.#byKey.holders))
    if ((total > bounds.weightOfSignings && ofKey > fairPart) || total > 2 * bounds.weightOfSignings)
      throw boundReached('gateway')
  }

  note(s: SigningSession): void {
    if (hasEnded(s)) {
      this.forget(s)
      return
    }
    const isNew = this.#coming.delete(s.id) || !this.#byKey.has(s.id)
    if (!isNew) return
    this.#arrivals.set(s.id, (this.#arrived += 1))
    this.#take(s)
    if (isOfProgram(s.own)) return
    for (const listener of this.#listeners.get(s.keyId) ?? []) listener()
  }

  /** Holds room for a signing that is about to be saved, so that many at once are not let in as one. Throws as `requireRoom`. */
  hold(s: Listed, bounds: Bounds): void {
    if (this.#byKey.has(s.id)) return
    this.requireRoom(s, bounds)
    this.#coming.add(s.id)
    this.#take(s)
  }

  #take(s: Listed): void {
    if (isOfProgram(s.own)) this.#ofPrograms.add(s.id)
    this.#byKey.take(s.keyId, s.id, weightOf(s))
    this.#byAsker.take(askerOf(s), s.id, weightOf(s))
  }

  forget({ id, keyId }: Pick<SigningSession, 'id' | 'keyId'>): void {
    this.#coming.delete(id)
    this.#ofPrograms.delete(id)
    this.#arrivals.delete(id)
    if (!this.#byKey.has(id)) return
    this.#byKey.release(id)
    this.#byAsker.release(id)
    if (this.count(keyId) === 0) this.#quiet(keyId)
  }

  /** Hears of every new one that people ask for. */
  onNew(keyId: KeyId, listener: () => void): () => void {
    const listeners = this.#listeners.get(keyId) ?? new Set()
    this.#listeners.set(keyId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(keyId) === listeners) this.#listeners.delete(keyId)
    }
  }
}
