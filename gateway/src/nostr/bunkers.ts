import { loadMpc } from '@quorate/shared/mpc'
import { boundReached, Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Envelope, SignedEvent } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { LogEntry } from '@quorate/shared/wire/bunker'
import type { HostId } from '@quorate/shared/wire/host'
import type { KeyId, SigningId } from '@quorate/shared/wire/ids'
import type { Health, Hosts } from '../engine/ports.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import type { Recall } from '../keys/recall.ts'
import type { Stocks } from '../keys/stocks.ts'
import type { BunkerStore, StoredBunker } from '../store/bunkers.ts'
import { isAllowed, type AllowedRelays } from './allowed.ts'
import { Announcer } from './announcer.ts'
import { createArrivals } from './arrivals.ts'
import { createAttesting, type AttestedHost } from './attesting.ts'
import { Bunker, seatsOf, type BunkerSeat } from './bunker.ts'
import { Changes } from './changes.ts'
import { BunkerHosts } from './hosts.ts'
import { bringAll, type LoaderTools } from './loader.ts'
import type { NostrEvents } from './nostr-events.ts'
import type { ProgramSignings } from './ports.ts'
import { relaysOf } from './record.ts'
import { realAlarm, type Alarm } from './relays/alarm.ts'
import type { OpenLine } from './relays/line.ts'
import type { RelayTimes } from './relays/relay.ts'
import { Relays } from './relays/relays.ts'
import { Requests } from './requests/requests.ts'

/** How the gateway reaches relays, and who hears what happens there. */
export type NostrPorts = Readonly<{
  events: NostrEvents
  allowed: AllowedRelays
  alarm?: Alarm
  open?: OpenLine
  times?: Partial<RelayTimes>
}>

export type BunkerPorts = Readonly<{
  store: BunkerStore
  hosts: Hosts
  health: Health
  keys: KeyCache
  recall: Recall
  stocks: Stocks
  signings: ProgramSignings
  clock: () => number
  timeoutMs: number
  hostFailed: (at: { host: string; code: RefusalCode }) => void
  failed: (error: unknown) => void
  nostr: NostrPorts
}>

/** Bunkers of one gateway: all of them are in memory. */
const MOST_BUNKERS = 10_000
/** Answers that were given so shortly before a start may not have left: they are published again. ms */
const RECENT = 120_000

/** All bunkers of the gateway, with what serves them. Nothing is heard of programs before `start`. */
export class Bunkers {
  readonly ports: BunkerPorts
  readonly ask: BunkerHosts
  readonly requests: Requests
  readonly changes: Changes
  readonly attest: (bunker: Bunker) => Promise<readonly AttestedHost[]>
  readonly #byKey = new Map<KeyId, Bunker>()
  readonly #bySigner = new Map<NostrKey, Bunker>()
  readonly #relays: Relays
  readonly #announcer: Announcer
  readonly #closing = new AbortController()
  #heard: (event: unknown) => void = () => undefined
  #stopListening: () => void = () => undefined

  constructor(ports: BunkerPorts) {
    this.ports = ports
    const { hosts, clock, signings, store, failed, nostr } = ports
    const { events, alarm = realAlarm, open, times } = nostr
    const closing = this.#closing.signal
    this.changes = new Changes(closing)
    this.ask = new BunkerHosts({ ...ports, booksLeft: events.booksLeft })
    this.attest = createAttesting(this.ask, { hosts, clock })
    this.#relays = new Relays({
      clock,
      events,
      alarm,
      authenticate: (signer, relay, challenge) => this.#authenticate(signer, relay, challenge),
      heard: (event) => this.#heard(event),
      ...(open === undefined ? {} : { open }),
      ...(times === undefined ? {} : { times }),
    })
    const turns = { ask: this.ask, hosts, alarm, clock, closing }
    this.requests = new Requests({
      store,
      signings,
      turns,
      alarm,
      clock,
      events,
      failed,
      publish: (bunker, answer) => this.publish(bunker, answer),
      changed: ({ keyId }) => this.changes.tell(keyId),
    })
    const publish = (bunker: Bunker, event: SignedEvent) => this.publish(bunker, event)
    this.#announcer = new Announcer({ ask: this.ask, attest: this.attest, publish, alarm, failed })
  }

  /** Reads all bunkers from the store. Signings that programs asked for can then be taken up. */
  async load(): Promise<void> {
    for (const kept of await this.ports.store.loadBunkers()) this.#keep(kept)
  }

  /** Takes up the requests that are stored, and begins to listen. */
  async start(): Promise<void> {
    const { store, hosts, clock, failed, nostr } = this.ports
    const { events } = nostr
    const bunkerOf = (signer: NostrKey) => this.#bySigner.get(signer)
    this.#heard = createArrivals({ mpc: await loadMpc(), bunkerOf, requests: this.requests, events, clock })
    for (const stored of await store.openClientRequests(clock() - RECENT)) {
      const bunker = this.#byKey.get(stored.keyId)
      if (bunker !== undefined) void this.requests.resume(bunker, stored)
    }
    const loader = this.loader
    this.#stopListening = hosts.subscribe(({ type, host }) => {
      if (type !== 'ready') return
      this.ask.came()
      bringAll(loader, host).catch(failed)
    })
    for (const host of hosts.ids()) if (hosts.state(host) === 'ready') bringAll(loader, host).catch(failed)
    this.listen()
    for (const bunker of this.#byKey.values()) this.#announcer.announceSoon(bunker)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#stopListening()
    this.#announcer.close()
    for (const { queue } of this.#byKey.values()) queue.close()
    this.#relays.close()
    await this.requests.close()
  }

  get loader(): LoaderTools {
    const { hosts, keys, failed, nostr } = this.ports
    const { bunkersBrought: brought } = nostr.events
    const bunkers = () => this.#byKey.values()
    return { ask: this.ask, hosts, keys, failed, brought, bunkers, closing: this.#closing.signal }
  }

  has(keyId: KeyId): boolean {
    return this.#byKey.has(keyId)
  }

  /** Throws `bunker.not_found`. */
  of(keyId: KeyId): Bunker {
    const bunker = this.#byKey.get(keyId)
    if (bunker === undefined) throw new Refusal('bunker.not_found')
    return bunker
  }

  /** Throws `bound.reached` when there is no room for one more. */
  requireRoom(): void {
    if (this.#byKey.size >= MOST_BUNKERS) throw boundReached('gateway')
  }

  /** One that has just been made. */
  add(kept: StoredBunker): Bunker {
    return this.#byKey.get(kept.keyId) ?? this.#keep(kept)
  }

  /** Listens where the bunkers' books say. */
  listen(): void {
    const signers = new Map<string, NostrKey[]>()
    for (const bunker of this.#byKey.values())
      for (const relay of this.#relaysOf(bunker)) signers.set(relay, [...(signers.get(relay) ?? []), bunker.signer])
    this.#relays.listen(signers)
  }

  announce(bunker: Bunker): void {
    this.#announcer.announce(bunker)
  }

  isConnected(relay: string): boolean {
    return this.#relays.isConnected(relay)
  }

  /** To all relays of the bunker that the gateway connects to. */
  publish(bunker: Bunker, event: Envelope | SignedEvent): Promise<boolean> {
    return this.#relays.publish(this.#relaysOf(bunker), event)
  }

  /** Has a host of a key hold its bunker, in the middle of a signing. Rejects with `bunker.not_found` too. */
  async ready(keyId: KeyId, host: HostId): Promise<void> {
    const [bunker, seat] = await this.#at(keyId, host)
    if (seat !== undefined) await this.ask.ready(bunker, seat)
  }

  /** The same, of a host that has forgotten what it had. */
  async restore(keyId: KeyId, host: HostId): Promise<void> {
    const [bunker, seat] = await this.#at(keyId, host)
    if (seat !== undefined) await this.ask.load(bunker, seat)
  }

  /** Keeps a line that a host has written in the middle of a signing. The answer waits for it. */
  logged(keyId: KeyId, signingId: SigningId, entry: LogEntry): void {
    const kept = this.ports.store.appendBunkerLog(keyId, [{ entry, signingId: null }])
    this.requests.awaits(signingId, kept)
    kept.then(() => this.changes.tell(keyId), this.ports.failed)
  }

  async #at(keyId: KeyId, host: HostId): Promise<readonly [Bunker, BunkerSeat | undefined]> {
    return [this.of(keyId), (await seatsOf(this.ports.keys, keyId)).find((one) => one.host === host)]
  }

  #keep(kept: StoredBunker): Bunker {
    const bunker = new Bunker(kept, this.ports.store)
    this.#byKey.set(bunker.keyId, bunker)
    this.#bySigner.set(bunker.signer, bunker)
    return bunker
  }

  #relaysOf({ record }: Bunker): string[] {
    return relaysOf(record).filter((relay) => isAllowed(this.ports.nostr.allowed, relay))
  }

  async #authenticate(signer: NostrKey, relay: string, challenge: string): Promise<SignedEvent> {
    const bunker = this.#bySigner.get(signer)
    const [seat] = bunker === undefined ? [] : bunker.inTurn(await this.ask.available(bunker.keyId))
    if (bunker === undefined || seat === undefined) throw new Refusal('enclave.unreachable')
    return (await this.ask.ask(bunker, seat, 'bunker.authenticate', { relay, challenge })).event
  }
}
