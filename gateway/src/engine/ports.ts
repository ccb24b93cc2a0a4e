import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { RefusalCode } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Certificate, SealedShare } from '@quorate/shared/wire/certificate'

/** `restarted`: it has another life, and all its sessions are gone. */
export type HostEvent = Readonly<{ type: 'ready' | 'down' | 'restarted'; host: HostId }>

/** How a question reaches who holds a share. */
export type Hosts = Readonly<{
  ids: () => readonly HostId[]
  state: (host: HostId) => 'ready' | 'locked' | 'down'
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
  detail: Readonly<Record<string, unknown>>
}>

/**
 * A key at one epoch as the gateway keeps it: its certificate, and each share sealed to its host. Never swept; the shares of an
 * epoch that is over are deleted.
 */
export type KeyRecord = Readonly<{ certificate: Certificate; shares: readonly SealedShare[] }>

/**
 * What a change does to a key. `made`: epoch 0, in force. `certified`: the next epoch is there, and is kept whatever becomes of the
 * session, since a host that has agreed to it agrees to no other. `installing`: it is in force. `retired`: the shares of all
 * epochs before it are deleted.
 */
export type KeyStep =
  | Readonly<{ step: 'made' | 'certified'; record: KeyRecord }>
  | Readonly<{ step: 'installing' | 'retired'; epoch: number }>

/** A session in the store, which does not look into its state. */
export type StoredSession = Readonly<{ kind: string; id: string; keyId: KeyId; version: number; state: unknown }>

/**
 * One atomic write: the state at `expected + 1` if the stored version is `expected` (0 inserts), with the key and the audit
 * records that belong to it. `durable`: not acknowledged before it is on the disk. Times in ms.
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
  key?: KeyStep
  audit?: readonly AuditRecord[]
}>

/** Everything rejects with `store.failed` when the disk fails; nothing of the failed change is then written. */
export type SessionStore = {
  loadSession(kind: string, id: string): Promise<StoredSession | null>
  /** Not ended, for the start. */
  openSessions(): Promise<StoredSession[]>
  /** Gives the new version. Rejects with `session.conflict` when the stored version is not the expected one. */
  save(change: Change): Promise<number>
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

/** What the engine needs of the world. `timeoutMs`: for one question to a host. `clock`: ms since 1970. */
export type EnginePorts = Readonly<{
  store: SessionStore
  hosts: Hosts
  health: Health
  journal: Journal
  clock: () => number
  timeoutMs: number
}>
