import { Refusal } from '@quorate/shared/errors'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { BunkerReceipt } from '@quorate/shared/wire/bunker'
import type { RefusalCode } from '@quorate/shared/errors'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { KeyId, SignKey } from '@quorate/shared/wire/ids'
import { keepNewest } from '../bounds/newest.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import type { BunkerRecord, BunkerStore, StoredBunker } from '../store/bunkers.ts'
import { Queue } from './queue.ts'
import { Seen } from './seen.ts'
import { Serial } from './serial.ts'

/** Clients of one bunker that are known to have been served. */
const MOST_SERVED = 4_096

/** A host of a key: its first seat, and its V. */
export type BunkerSeat = Seat & Readonly<{ signKey: SignKey }>

/** What a host has said in this life of it that it holds. `comings`: how often any host had come by then. */
export type Standing = Readonly<{
  life: string
  comings: number
  receipt: BunkerReceipt
  refused: readonly Readonly<{ index: number; code: RefusalCode }>[]
}>

/** The hosts of a key, each once, in the order of seats. Rejects as `KeyCache`. */
export async function seatsOf(keys: Pick<KeyCache, 'load'>, keyId: KeyId): Promise<BunkerSeat[]> {
  const { participants } = (await keys.load(keyId)).verified.certificate.roster.skeleton
  const seats = new Map<HostId, BunkerSeat>()
  for (const { index, host } of participants) {
    const { enclaveId, signKey } = host.identity
    if (!seats.has(enclaveId)) seats.set(enclaveId, { index, host: enclaveId, signKey })
  }
  return [...seats.values()]
}

/** The bunker of one key: what is stored of it, and what is known of its hosts and clients since this gateway started. */
export class Bunker {
  readonly keyId: KeyId
  readonly queue = new Queue()
  readonly standings = new Map<HostId, Standing>()
  readonly #store: BunkerStore
  readonly #serial = new Serial()
  readonly #served = new Seen({ most: MOST_SERVED })
  readonly #signers = new Map<NostrKey, readonly number[]>()
  #kept: StoredBunker
  #turn = 0

  constructor(kept: StoredBunker, store: BunkerStore) {
    this.keyId = kept.keyId
    this.#kept = kept
    this.#store = store
  }

  get record(): BunkerRecord {
    return this.#kept.record
  }

  get signer(): NostrKey {
    return this.#kept.record.signer
  }

  /** Writes what `next` makes of the record. The same record again is not written. Rejects with `store.failed`. */
  change(next: (record: BunkerRecord) => BunkerRecord): Promise<void> {
    const write = async (): Promise<void> => {
      const { keyId, version, record } = this.#kept
      const changed = next(record)
      if (changed === record) return
      this.#kept = { keyId, version: await this.#store.saveBunker(keyId, version, changed), record: changed }
    }
    const again = async (error: unknown): Promise<void> => {
      if (!(error instanceof Refusal) || error.code !== 'session.conflict') throw error
      // Another gateway on this database has written it.
      const stored = (await this.#store.loadBunkers()).find(({ keyId }) => keyId === this.keyId)
      if (stored === undefined) throw error
      this.#kept = stored
      await write()
    }
    return this.#serial.run('record', () => write().catch(again))
  }

  /** Some host has done for this client what it does for none that has no session. */
  served(client: NostrKey): void {
    this.#served.add(client)
  }

  /** Whose shares could sign what this client asked for last; none where that was not signed. It is likely to ask for the same again. */
  likelySigners(client: NostrKey): readonly number[] {
    return this.#signers.get(client) ?? []
  }

  noteSigners(client: NostrKey, willing: readonly number[]): void {
    if (willing.length > 0) keepNewest(this.#signers, client, willing, MOST_SERVED)
    else this.#signers.delete(client)
  }

  isKnown(client: NostrKey): boolean {
    const { bindings, greeted } = this.record
    return (
      this.#served.has(client) ||
      greeted.some((one) => one.client === client) ||
      bindings.some(({ binding: { body } }) => body.client === client && !body.ended)
    )
  }

  /** All hosts but these have not seen a program come or go: they are brought everything again before they are asked. */
  missed(by: readonly BunkerSeat[]): void {
    for (const host of this.standings.keys()) if (by.every((seat) => seat.host !== host)) this.standings.delete(host)
  }

  /** These hosts, from another one on each time. */
  inTurn<T>(seats: readonly T[]): T[] {
    this.#turn += 1
    const from = seats.length === 0 ? 0 : this.#turn % seats.length
    return [...seats.slice(from), ...seats.slice(0, from)]
  }
}
