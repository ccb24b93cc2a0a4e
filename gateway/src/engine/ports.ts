import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { RefusalCode } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Certificate, SealedShare } from '@quorate/shared/wire/certificate'

/**
 * `locked`: answers, and has no root secret open that we know of. `retired`: answers, and takes part in nothing, since the manifest in
 * force does not list its image. `down`: nobody answers.
 */
export type HostState = 'ready' | 'retired' | 'locked' | 'down'

/** `restarted`: it has another life, and all its sessions are gone. */
export type HostEvent = Readonly<{ type: 'ready' | 'retired' | 'down' | 'restarted'; host: HostId }>

/** How a question reaches who holds a share. */
export type Hosts = Readonly<{
  ids: () => readonly HostId[]
  state: (host: HostId) => HostState
  /** The name of its life, as of its last hello. */
  life: (host: HostId) => string | null
  /**
   * Rejects with what the host refused with, or with `enclave.unreachable`, `enclave.locked`, `enclave.timeout`, `enclave.busy` or
   * `enclave.failed`. The answer fits the method's schema.
   */
  ask: <M extends HostMethod>(
    host: HostId,
    method: M,
    params: HostParams<M>,
    deadlineMs?: number,
  ) => Promise<HostResult<M>>
  /** Has every pair of these hosts verify each other. */
  introduce: (hosts: readonly HostId[]) => Promise<void>
  subscribe: (listener: (event: HostEvent) => void) => () => void
}>

/** What all sessions know of the hosts together. */
export type Health = Readonly<{
  /** Hosts that can be asked, those without a failure since they last worked first. */
  available: () => readonly HostId[]
  /** True when the code speaks against the host; then it is asked for nothing until it has shown itself well. */
  failed: (host: HostId, code: RefusalCode) => boolean
  worked: (host: HostId) => void
}>

/** One line of the hash-chained audit log. Public facts only: ids, digests, indices. `at` in ms. Ids where it is about a session. */
export type AuditRecord = Readonly<{
  at: number
  event: string
  keyId?: string
  sessionId?: string
  /** Of the request that began the act. Written by the store. */
  requestId?: string
  detail: Readonly<Record<string, unknown>>
}>

/** What a host has said under V. The engine and the store only carry it. */
export type HostWord = Readonly<{ body: object; signature: string }>

/**
 * A key at one epoch as the gateway keeps it: its certificate, and each share sealed to its host. Never swept; the shares of an
 * epoch that is over are deleted. `prepared`: what all hosts said before any of them changed over to it; a host that has restarted opens no
 * share without it. `installed`: what they said when they had.
 * `asker`: index of the participant at whose wish it came after the one before.
 */
export type KeyRecord = Readonly<{
  certificate: Certificate
  shares: readonly SealedShare[]
  prepared?: readonly HostWord[]
  installed?: readonly HostWord[]
  asker?: number
}>

/**
 * What a change does to a key. `made`: epoch 0, which all hosts have installed. `certified`: the next epoch is there, and is kept whatever becomes of the
 * session, since a host that has agreed to it agrees to no other. `installing`: it is in force. `retired`: all hosts have installed it,
 * and the shares of all epochs before it are deleted.
 */
export type KeyStep =
  | Readonly<{ step: 'made' | 'certified'; record: KeyRecord }>
  | Readonly<{ step: 'installing'; epoch: number; prepared: readonly HostWord[] }>
  | Readonly<{ step: 'retired'; epoch: number; installed: readonly HostWord[] }>

/** A session in the store, which does not look into its state. `here`: the handle that was asked drives it. */
export type StoredSession = Readonly<{
  kind: string
  id: string
  keyId: KeyId
  version: number
  here: boolean
  state: unknown
}>

/**
 * One atomic write: the state at `expected + 1` if the stored version is `expected` (0 inserts), with the key and the audit
 * records that belong to it. `durable`: not acknowledged before it is on the disk. `alone`: one open session under this name.
 * A session keeps to its end the name that it was inserted with. `enclosure`: what a new session brings along, written once and never
 * changed; it stays in the store until it is asked for, and goes with the session. Times in ms.
 */
export type Change = Readonly<{
  kind: string
  id: string
  keyId: KeyId
  expected: number
  state: unknown
  ended: boolean
  expiresAt: number
  durable: boolean
  alone?: string
  enclosure?: unknown
  key?: KeyStep
  audit?: readonly AuditRecord[]
}>

/** A session was saved at this version. */
export type Moved = Readonly<{ kind: string; id: string; version: number }>

/**
 * `sessions`: open ones that this handle drives from now on, and did not before. `anew`: the handle had no lease, so that others may
 * have taken what it drove.
 */
export type Claimed = Readonly<{ sessions: readonly StoredSession[]; anew: boolean }>

/**
 * One handle on the stored sessions; a gateway has one. At any time one handle at most drives a session: who inserted it, or who
 * claimed it last. While the lease of that handle lasts, nobody else can write the session. So a person's word for it is refused
 * elsewhere (`session.elsewhere`, to be sent again) and never written past its driver: nothing is lost or applied twice.
 *
 * Everything rejects with `store.failed` when the disk fails; nothing of the failed change is then written.
 */
export type SessionStore = {
  loadSession(kind: string, id: string): Promise<StoredSession | null>
  /** What the session was inserted with. Null when that was nothing, or when there is no such session. */
  loadEnclosure(kind: string, id: string): Promise<unknown>
  /**
   * Gives the new version. The session is driven by this handle from then on. Rejects with `session.conflict` when the stored version
   * is not the expected one, when another handle drives the session and its lease lasts, or when another session is open under
   * the same `alone`.
   */
  save(change: Change): Promise<number>
  /**
   * Begins or renews the lease of this handle, until `until` (ms since 1970), and gives the open sessions that nobody drives: of no
   * handle, or of one whose lease is over. The first claim of a handle ends all other leases under this holder's name, so that a
   * restart resumes at once. Hence a name belongs to one gateway. A session that does not open is left out.
   */
  claim(holder: string, until: number): Promise<Claimed>
  /** Ends the lease of this handle: anybody may claim what it drove. */
  release(): Promise<void>
  /**
   * Calls `listener` for every change that is saved, through whichever handle, once it can be loaded. Any store tells of the changes of
   * its own process, before the save resolves. SQLite cannot tell across processes, so it serves one process. Gives the way to stop.
   */
  moved(listener: (at: Moved) => void): () => void
}

/** `after`: wait for a version above it; without it, for the end. At most `ms`; then, or when aborted, the current status. */
export type Waiting = { after?: number | undefined; ms: number; signal?: AbortSignal | undefined }

type OfSession = Readonly<{ kind: string; id: string; keyId: string }>

/** What happens to sessions, for logs and metrics. */
export type Journal = Readonly<{
  attempted(at: OfSession & { attempt: number; quorum: readonly number[] }): void
  ended(
    at: OfSession & {
      attempts: number
      state: string
      code: RefusalCode | null
      culprits: readonly number[]
      /** Since the first attempt. */
      seconds: number
    },
  ): void
  /** A host did not do its part. */
  hostFailed(at: { host: string; code: RefusalCode }): void
  storeFailed(at: { kind: string; code: RefusalCode }): void
  /** A bug: something rejected with what is not a refusal. */
  faulted(at: { where: string; error: unknown }): void
}>

/** What all sessions know of the gateway's lease. */
export type Lease = Readonly<{
  /** True while nobody else can have moved what this gateway drives, so that its memory is the truth. */
  holds: () => boolean
  /** Renews the lease and takes up what nobody drives. Rejects with `store.failed` or `gateway.draining`. */
  claim: () => Promise<void>
}>

/** What the engine needs of the world. `timeoutMs`: for one question to a host, see `timeLimit`. `clock`: ms since 1970. */
export type EnginePorts = Readonly<{
  store: SessionStore
  lease: Lease
  hosts: Hosts
  health: Health
  journal: Journal
  clock: () => number
  timeoutMs: number
}>
