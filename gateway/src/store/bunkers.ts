import type { Envelope } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Relays } from '@quorate/shared/nostr/relays'
import type { Binding, Book, LogEntry, SealedSigner } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import type { HostId } from '@quorate/shared/wire/host'
import type { Digest, KeyId, SigningId, SignKey } from '@quorate/shared/wire/ids'
import type { SigningRequest } from '@quorate/shared/wire/signing'

/* The part of the store's port that is about bunkers. */

/**
 * The bunker of a key as the gateway keeps it; nothing in it can be read here but who speaks. `sealed`: the signer's secret, for each host by its
 * V. `books`: the newest of each owner. `bindings`: what each host has seen. `greeted`: programs that showed an URI, and where they listen.
 */
export type BunkerRecord = Readonly<{
  signer: NostrKey
  sealed: Readonly<Partial<Record<SignKey, SealedSigner>>>
  books: readonly Book[]
  bindings: readonly Readonly<{ host: SignKey; binding: Binding }>[]
  greeted: readonly Readonly<{ client: NostrKey; relays: Relays }>[]
}>

/** What waits for owners, beside the event: see `Waiting` of the API. `by`: the host that laid it out, and `entry`: the line by which it says so. */
export type Asked = Readonly<{
  owners: readonly number[]
  request: SigningRequest | null
  pending: string
  expiresAt: number
  by: HostId
  entry: LogEntry
}>

/**
 * Where a program's request stands. `taken`: a host is to be asked, or is being asked. `waiting`: for its owners; `told`: the answer that
 * sends the program to a page, if there is one. `signing`: by that session. `answered`: null for one that gets no answer.
 */
export type RequestStage =
  | Readonly<{ name: 'taken' }>
  | Readonly<{ name: 'waiting'; told: Envelope | null }>
  | Readonly<{ name: 'signing'; signingId: SigningId }>
  | Readonly<{ name: 'answered'; answer: Envelope | null }>

/** A program's event, and what became of it. `cameAt` in ms. `asked`: what its owners were asked, if they were. */
export type ClientRequest = Readonly<{
  event: Envelope
  cameAt: number
  approvals: readonly Approval[]
  asked: Asked | null
  stage: RequestStage
}>

/** A line of a host's log, with the signing that it led to. */
export type LoggedEntry = Readonly<{ entry: LogEntry; signingId: SigningId | null }>

export type StoredBunker = Readonly<{ keyId: KeyId; version: number; record: BunkerRecord }>
export type StoredRequest = Readonly<{ eventId: Digest; keyId: KeyId; version: number; state: ClientRequest }>

/** What the store keeps of bunkers. It looks into no record but for what rows are found by. */
export type BunkerStore = {
  /** All that open. */
  loadBunkers(): Promise<StoredBunker[]>
  /** Gives the new version; `expected` 0 inserts. Rejects with `session.conflict`. Durable when it resolves. */
  saveBunker(keyId: KeyId, expected: number, record: BunkerRecord): Promise<number>
  loadClientRequest(eventId: Digest): Promise<StoredRequest | null>
  /** Those without an answer, and all that came since then (ms), in the order in which they came. */
  openClientRequests(since: number): Promise<StoredRequest[]>
  /**
   * With the lines that it adds to the log. Gives the new version; `expected` 0 inserts. Rejects with `session.conflict`. `durable`: on the
   * disk when it resolves.
   */
  saveClientRequest(
    change: Readonly<{ eventId: Digest; keyId: KeyId; expected: number; state: ClientRequest }>,
    lines: readonly LoggedEntry[],
    durable: boolean,
  ): Promise<number>
  /** Of each key the newest 10,000 lines stay. */
  appendBunkerLog(keyId: KeyId, lines: readonly LoggedEntry[]): Promise<void>
  /** The lines after this one, ascending, `most` at most; null: the newest. */
  loadBunkerLog(keyId: KeyId, after: number | null, most: number): Promise<(LoggedEntry & Readonly<{ at: number }>)[]>
}
