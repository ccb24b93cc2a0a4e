import type { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Manifest, Notice } from '@quorate/shared/wire/manifest'
import type { Certificate, SealedShare } from '@quorate/shared/wire/keygen'
import type { KeygenSession } from '../keygen/session.ts'
import type { RefreshSession } from '../refresh/session.ts'
import type { SigningSession } from '../signing/session.ts'

/** What the kinds of session hold. A session's id is its key id (keygen), its signing id or its refresh id. */
export type SessionStates = { keygen: KeygenSession; signing: SigningSession; refresh: RefreshSession }
export type SessionKind = keyof SessionStates

export type StoredSession = {
  [K in SessionKind]: { kind: K; id: string; keyId: KeyId; version: number; state: SessionStates[K] }
}[SessionKind]

/**
 * A key at one epoch as the gateway keeps it: its certificate, and each share sealed to its enclave. Never swept; the shares of an
 * epoch that is over are deleted.
 */
export type KeyRecord = Readonly<{ certificate: Certificate; shares: readonly SealedShare[] }>

/**
 * What a change does to a key. `made`: epoch 0, in force. `certified`: the next epoch is there, which is kept whatever becomes of
 * its refresh, since an enclave that has agreed to it agrees to no other. `installing`: it is in force. `retired`: the shares
 * of all epochs before it are deleted.
 */
export type KeyStep =
  | Readonly<{ step: 'made' | 'certified'; record: KeyRecord }>
  | Readonly<{ step: 'installing' | 'retired'; epoch: number }>

/**
 * What an enclave needs to come back as who it was. `identity` is the one it had when the root was made. `former`: the same root as another
 * image had sealed it, until the new form has been opened once.
 */
export type EnclaveRoot = Readonly<{ identity: EnclaveIdentity; sealedRoot: string; former?: string }>

/** A manifest that an enclave has taken, with its notice; in force from `effectiveAt` (ms) on. */
export type TakenManifest = Readonly<{ manifest: Manifest; notice: Notice; effectiveAt: number }>

/** One line of the hash-chained audit log. Public facts only: ids, digests, indices. `at` in ms. Ids where it is about a session. */
export type AuditRecord = Readonly<{
  at: number
  event: string
  keyId?: string
  sessionId?: string
  detail: Readonly<Record<string, unknown>>
}>

/** An answer that is given again to the same request. `digest` tells whether it is the same request. */
export type StoredReply = Readonly<{ digest: string; status: number; body: string }>

/**
 * One atomic write: the state at `expected + 1` if the stored version is `expected` (0 inserts), with the key and the audit
 * records that belong to it. `durable`: not acknowledged before it is on the disk. Times in ms.
 */
export type Change<K extends SessionKind = SessionKind> = Readonly<{
  kind: K
  id: string
  keyId: KeyId
  expected: number
  state: SessionStates[K]
  ended: boolean
  expiresAt: number
  durable: boolean
  key?: KeyStep
  audit?: readonly AuditRecord[]
}>

/** Everything rejects with `store.failed` when the disk fails; nothing of the failed change is then written. */
export type Store = {
  loadSession<K extends SessionKind>(kind: K, id: string): Promise<Extract<StoredSession, { kind: K }> | null>
  /** Not ended, for the start. */
  openSessions(): Promise<StoredSession[]>
  /** Gives the new version. Rejects with `session.conflict` when the stored version is not the expected one. */
  save<K extends SessionKind>(change: Change<K>): Promise<number>
  /** The key at the epoch that is in force. */
  loadKey(keyId: KeyId): Promise<KeyRecord | null>
  /** The key at this epoch: also one that is over, or that is not in force yet. */
  loadKeyAt(keyId: KeyId, epoch: number): Promise<KeyRecord | null>
  /** Certificates of the epochs in force from `epoch` on, in their order, `most` at most. */
  certificates(keyId: KeyId, epoch: number, most: number): Promise<Certificate[]>
  loadEnclaveRoot(enclaveId: EnclaveId): Promise<EnclaveRoot | null>
  /** Durable when it resolves. */
  saveEnclaveRoot(enclaveId: EnclaveId, root: EnclaveRoot): Promise<void>
  /** Those that this enclave has taken, by ascending serial. */
  loadManifests(enclaveId: EnclaveId): Promise<readonly TakenManifest[]>
  /** In place of those before, with their audit record. Durable when it resolves. */
  saveManifests(enclaveId: EnclaveId, manifests: readonly TakenManifest[], audit: AuditRecord): Promise<void>
  /** Null when there is none, or when it is older than its time. */
  loadReply(scope: string, key: string, now: number): Promise<StoredReply | null>
  /** A reply that stands already is kept. */
  saveReply(scope: string, key: string, reply: StoredReply, expiresAt: number): Promise<void>
  /** Checks the whole audit chain; rejects with `store.failed` where it breaks. `head` is the hash (hex) of the last record. */
  verifyAudit(): Promise<{ records: number; head: string }>
  /** Deletes ended and expired sessions and replies whose time is over. Never keys, audit records or enclaves. */
  sweep(now: number): Promise<number>
  close(): Promise<void>
}
