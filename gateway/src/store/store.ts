import type { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Manifest, Notice } from '@quorate/shared/wire/manifest'
import type { KeyEpoch } from '@quorate/shared/wire/routes/keys'
import type { AuditRecord, KeyRecord, SessionStore } from '../engine/ports.ts'
import type { AuditReport } from './audit-chain.ts'
import type { BunkerStore } from './bunkers.ts'

/**
 * What an enclave needs to come back as who it was. `identity` is the one it had when the root was made. `former`: the same root as another
 * image had sealed it, until the new form has been opened once.
 */
export type EnclaveRoot = Readonly<{ identity: EnclaveIdentity; sealedRoot: string; former?: string }>

/** A manifest that an enclave has taken, with its notice; in force from `effectiveAt` (ms) on. */
export type TakenManifest = Readonly<{ manifest: Manifest; notice: Notice; effectiveAt: number }>

/** An answer that is given again to the same request. `digest` tells whether it is the same request. */
export type StoredReply = Readonly<{ digest: string; status: number; body: string }>

/** Where a reply is kept. Of each `holder` the latest `most` are. */
export type ReplyPlace = Readonly<{ scope: string; key: string; holder: string; most: number }>

/** Can the store be written to? `cause`: SQLite's code, or `room`: the disk has less left than the WAL may need. */
export type Fitness = Readonly<{ state: 'open' } | { state: 'failed'; cause: string }>

/** Bytes of the database file and of its write-ahead log, and the number of the last audit record. */
export type StoreSize = Readonly<{ bytes: Readonly<{ file: number; wal: number }>; audit: number }>

/**
 * Everything rejects with `store.failed` when the disk fails, and nothing of the failed change is then written. What does not open rejects with
 * `store.damaged`.
 */
export type Store = SessionStore &
  BunkerStore & {
    /** The key at the epoch that is in force. */
    loadKey(keyId: KeyId): Promise<KeyRecord | null>
    /** The key at this epoch: also one that is over, or that is not in force yet. */
    loadKeyAt(keyId: KeyId, epoch: number): Promise<KeyRecord | null>
    /** The epochs that all hosts have installed, from `epoch` on, in their order, `most` at most. */
    epochs(keyId: KeyId, epoch: number, most: number): Promise<KeyEpoch[]>
    /**
     * The keys of which a session was written since then (ms since 1970), to the minute, or is open: the one used last first, `most` at most.
     */
    usedKeys(since: number, most: number): Promise<KeyId[]>
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
    saveReply(place: ReplyPlace, reply: StoredReply, expiresAt: number): Promise<void>
    /** Checks the whole audit chain from its anchor on; rejects with `store.damaged` where it breaks. */
    verifyAudit(): Promise<AuditReport>
    /** Checks the last records of the chain, `most` at most; rejects as `verifyAudit`. */
    checkAudit(most: number): Promise<AuditReport>
    /** Can it be written to? Writes a probe when the last write failed. Never rejects. */
    fitness(): Promise<Fitness>
    size(): Promise<StoreSize>
    /** Deletes ended and expired sessions, requests of programs after a day, and replies whose time is over. Never keys, bunkers, audit records or enclaves. */
    sweep(now: number): Promise<number>
    close(): Promise<void>
  }
