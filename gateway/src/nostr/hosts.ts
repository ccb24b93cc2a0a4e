import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { consentsWith, ownedKey } from '@quorate/shared/consent/permits'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Client } from '@quorate/shared/wire/signing'
import { lineageOf } from '@quorate/shared/verify/certificate'
import type { Book, StockPackage } from '@quorate/shared/wire/bunker'
import type { HostId } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import { afterMending } from '../engine/ask.ts'
import type { Health, Hosts } from '../engine/ports.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import type { Recall } from '../keys/recall.ts'
import { restoreShare } from '../keys/restore-share.ts'
import type { Stocks } from '../keys/stocks.ts'
import { isUnwell } from '../hosts/health.ts'
import { digestOfBook } from './books.ts'
import { seatsOf, type Bunker, type BunkerSeat, type Standing } from './bunker.ts'
import { partsOf, withSealed } from './record.ts'

/** What hosts know of books. `left`: bunkers of which the host lacks an owner's newest book. */
export type BookEvents = Readonly<{
  booksLeft(at: { host: string; left: number }): void
  /** A host that has come was brought all bunkers of its keys. */
  bunkersBrought(at: { host: string; left: number }): void
}>

export type HostTools = Readonly<{
  hosts: Hosts
  health: Health
  keys: KeyCache
  recall: Recall
  stocks: Stocks
  timeoutMs: number
  /** A host did not do its part. */
  hostFailed: (at: { host: string; code: RefusalCode }) => void
  booksLeft: BookEvents['booksLeft']
}>

type BunkerMethod = Extract<HostMethod, `bunker.${string}`>
type Mend = readonly [RefusalCode, () => Promise<unknown>]

/** What is brought to a host now, and what is brought after it. */
type Loading = { readonly done: Promise<void>; next: Promise<void> | null }

function refusalIn(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  throw error
}

const nameOf = ({ keyId }: Bunker, { host }: BunkerSeat): string => `${keyId}/${host}`

/** The host has this book or a newer one, or will never take it. */
function holds({ receipt, refused }: Standing, book: Book): boolean {
  const { index, serial } = book.body
  const held = receipt.body.books.find((one) => one.index === index)
  if (held !== undefined && (held.serial > serial || held.digest === digestOfBook(book))) return true
  return refused.some((one) => one.index === index && one.code !== 'book.unproven')
}

/** All books that it does not hold it was brought, and it holds those of so many owners. */
function holdsEnough(standing: Standing, books: readonly Book[], threshold: number): boolean {
  const { receipt, refused } = standing
  const isBrought = ({ body }: Book) => refused.some(({ index }) => index === body.index)
  return books.every((book) => holds(standing, book) || isBrought(book)) && receipt.body.books.length >= threshold
}

/** How the hosts of bunkers are asked. One that has forgotten is told again first. */
export class BunkerHosts {
  readonly #tools: HostTools
  readonly #loading = new Map<string, Loading>()
  readonly #lacking = new Map<HostId, Set<KeyId>>()
  #comings = 0

  constructor(tools: HostTools) {
    this.#tools = tools
  }

  /** A host has come, which may know what others do not. */
  came(): void {
    this.#comings += 1
  }

  /** Bunkers that this host was brought, and of which it lacks an owner's newest book. */
  left(host: HostId): number {
    return this.#lacking.get(host)?.size ?? 0
  }

  /** The hosts of a key that can be asked now, those without a failure first. */
  async available(keyId: KeyId): Promise<BunkerSeat[]> {
    const seats = await seatsOf(this.#tools.keys, keyId)
    return this.#tools.health.available().flatMap((host) => seats.find((seat) => seat.host === host) ?? [])
  }

  /** What these seats sign together for a program, with a commitment of each from stock. Null where one has none. Rejects as `KeyCache`. */
  async draw(keyId: KeyId, seats: readonly BunkerSeat[], asker: Client): Promise<StockPackage | null> {
    const { stocks, keys } = this.#tools
    const { certificate, digest } = (await keys.load(keyId)).verified
    const quorum = seats.toSorted((one, other) => one.index - other.index)
    const commitments = stocks.draw({ keyId, certificateDigest: digest }, quorum)
    if (commitments === null) return null
    const grants = consentsWith(ownedKey(certificate.roster), { asker }, [])
    const consents = grants.filter(({ body }) => quorum.some(({ index }) => index === body.index))
    return { consents, commitments: [...commitments] }
  }

  /** How many of its participants sign. Rejects as `KeyCache`. */
  async thresholdOf(keyId: KeyId): Promise<number> {
    return (await this.#tools.keys.load(keyId)).verified.certificate.roster.skeleton.threshold
  }

  /** The host has said in its present life what it holds. */
  isLoaded(bunker: Bunker, { host }: BunkerSeat): boolean {
    return bunker.standings.get(host)?.life === this.#tools.hosts.life(host)
  }

  /** It holds the newest book of each owner, as far as that is known here. One that does not would answer by older words. */
  isCurrent(bunker: Bunker, seat: BunkerSeat): boolean {
    const standing = bunker.standings.get(seat.host)
    if (standing === undefined || !this.isLoaded(bunker, seat)) return false
    return bunker.record.books.every((book) => holds(standing, book))
  }

  /**
   * Brings a host all that it lacks, unless it has it. Rejects with `book.unproven`, or with what kept others from telling it, when it holds too few books
   * to serve by.
   */
  async ready(bunker: Bunker, seat: BunkerSeat): Promise<void> {
    if (this.isCurrent(bunker, seat)) return
    await this.#loading.get(nameOf(bunker, seat))?.done.catch(() => undefined)
    if (this.isCurrent(bunker, seat)) return
    const isTried = bunker.standings.get(seat.host)?.comings === this.#comings
    if (isTried && (await this.#hasEnough(bunker, seat))) return
    const trouble = await this.load(bunker, seat).then(() => new Refusal('book.unproven'), refusalIn)
    if (!this.isCurrent(bunker, seat) && !(await this.#hasEnough(bunker, seat))) throw trouble
  }

  /**
   * After a restart of all hosts, owners say their books one after the other. Those of as many as a program needs are enough: nobody waits
   * for the last.
   */
  async #hasEnough(bunker: Bunker, seat: BunkerSeat): Promise<boolean> {
    const standing = bunker.standings.get(seat.host)
    if (standing === undefined || !this.isLoaded(bunker, seat)) return false
    return holdsEnough(standing, bunker.record.books, await this.thresholdOf(bunker.keyId))
  }

  /** Brings a host all that there is now. Once at a time for a host and a bunker: who asks meanwhile gets the next time. */
  load(bunker: Bunker, seat: BunkerSeat): Promise<void> {
    const name = nameOf(bunker, seat)
    const begin = (): Promise<void> => {
      const run: Loading = { done: this.#load(bunker, seat), next: null }
      const end = () => {
        if (this.#loading.get(name) === run && run.next === null) this.#loading.delete(name)
      }
      this.#loading.set(name, run)
      run.done.then(end, end)
      return run.done
    }
    const underWay = this.#loading.get(name)
    if (underWay === undefined) return begin()
    underWay.next ??= underWay.done.then(begin, begin)
    return underWay.next
  }

  /** Tells a host of one new book. */
  async tell(bunker: Bunker, seat: BunkerSeat, book: Book): Promise<void> {
    if (!this.isLoaded(bunker, seat)) return this.load(bunker, seat)
    await this.#bring(bunker, seat, { books: [book], bindings: [] }, bunker.standings.get(seat.host)?.refused ?? [])
  }

  /** Asks for a bunker that there is. */
  ask<M extends Exclude<BunkerMethod, 'bunker.create' | 'bunker.load'>>(
    bunker: Bunker,
    seat: BunkerSeat,
    method: M,
    params: Omit<HostParams<M>, 'keyId' | 'index' | 'signer'>,
  ): Promise<HostResult<M>> {
    const { keyId, signer } = bunker
    const whole = { ...params, keyId, index: seat.index, signer } as HostParams<M>
    const load: Mend = ['nostr.signer_unknown', () => this.load(bunker, seat)]
    return this.#ask(keyId, seat, method, whole, [load])
  }

  /** Has one host draw the signer's secret. */
  create(keyId: KeyId, seat: BunkerSeat): Promise<HostResult<'bunker.create'>> {
    return this.#ask(keyId, seat, 'bunker.create', { keyId, index: seat.index }, [])
  }

  async #load(bunker: Bunker, seat: BunkerSeat): Promise<void> {
    await this.#bringAll(bunker, seat)
    if (this.isCurrent(bunker, seat)) return
    // Others may know which books are the newest.
    await this.#recall(bunker.keyId, seat)
    await this.#bringAll(bunker, seat)
  }

  async #bringAll(bunker: Bunker, seat: BunkerSeat): Promise<void> {
    const [first, ...rest] = partsOf(bunker.record)
    if (first === undefined) return
    await this.#bring(bunker, seat, first, [])
    for (const part of rest) await this.#bring(bunker, seat, part, bunker.standings.get(seat.host)?.refused ?? [])
  }

  /** `refused`: of the books that were brought before. */
  async #bring(
    bunker: Bunker,
    seat: BunkerSeat,
    part: Pick<HostParams<'bunker.load'>, 'books' | 'bindings'>,
    refused: readonly HostResult<'bunker.load'>['refused'][number][],
  ): Promise<void> {
    const { keyId, signer, record } = bunker
    const sealed = record.sealed[seat.signKey]
    if (sealed === undefined) throw new Refusal('nostr.signer_unknown')
    const [life, comings] = [this.#tools.hosts.life(seat.host) ?? '', this.#comings]
    const params = { keyId, index: seat.index, signer, sealed, ...part }
    const loaded = await this.#ask(keyId, seat, 'bunker.load', params, [])
    const { sealed: resealed } = loaded
    if (resealed !== null) await bunker.change((now) => withSealed(now, seat.signKey, resealed))
    const brought = new Set(part.books.map(({ body }) => body.index))
    const still = refused.filter(({ index }) => !brought.has(index))
    bunker.standings.set(seat.host, { life, comings, receipt: loaded.receipt, refused: [...still, ...loaded.refused] })
    this.#count(bunker, seat)
  }

  #count(bunker: Bunker, seat: BunkerSeat): void {
    const { host } = seat
    const lacking = this.#lacking.get(host) ?? new Set<KeyId>()
    this.#lacking.set(host, lacking)
    if (this.isCurrent(bunker, seat)) lacking.delete(bunker.keyId)
    else lacking.add(bunker.keyId)
    this.#tools.booksLeft({ host, left: lacking.size })
  }

  async #ask<M extends BunkerMethod>(
    keyId: KeyId,
    seat: BunkerSeat,
    method: M,
    params: HostParams<M>,
    more: readonly Mend[],
  ): Promise<HostResult<M>> {
    const { hosts, health, timeoutMs, hostFailed } = this.#tools
    const mends: Mend[] = [
      ['peer.unknown', async () => hosts.introduce((await this.available(keyId)).map(({ host }) => host))],
      ['key.unknown', () => restoreShare(this.#tools, keyId, seat)],
      ['epoch.unproven', () => this.#recall(keyId, seat)],
      ...more,
    ]
    let call = (): Promise<HostResult<M>> => hosts.ask(seat.host, method, params, timeoutMs)
    for (const [code, mend] of mends) {
      const before = call
      call = () => afterMending(code, mend, before)
    }
    try {
      const result = await call()
      health.worked(seat.host)
      return result
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'enclave.failed'
      if (isUnwell(code) && health.failed(seat.host, code)) hostFailed({ host: seat.host, code })
      throw error
    }
  }

  async #recall(keyId: KeyId, seat: BunkerSeat): Promise<void> {
    const { keys, recall } = this.#tools
    const { certificate } = (await keys.load(keyId)).verified
    const { participants } = certificate.roster.skeleton
    const seats = participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId }))
    const restore = (peer: Readonly<{ index: number; host: typeof seat.host }>) =>
      restoreShare(this.#tools, keyId, peer)
    await recall(seat, { keyId, lineage: lineageOf(certificate), restore }, seats)
  }
}
