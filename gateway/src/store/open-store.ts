import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { KeyRow } from './key-table.ts'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { KeyEpoch } from '@quorate/shared/wire/routes/keys'
import type { AuditRecord, Change, KeyRecord, KeyStep, Moved, StoredSession } from '../engine/ports.ts'
import { bunkerStore } from './bunker-store.ts'
import { createFitness } from './fitness.ts'
import type { StoreFault } from './faults.ts'
import { lockDatabase, type DatabaseLock } from './lock.ts'
import { measure } from './measure.ts'
import { movesOf } from './moves.ts'
import { Sender } from './sender.ts'
import type { FoundSession } from './session-table.ts'
import type { ReplyPlace, Store, TakenManifest } from './store.ts'
import type { FromWorker, ToWorker, WorkerData } from './worker.ts'

export type StoreOptions = Readonly<{
  path: string
  /** 32 bytes; nothing in the database opens without it. */
  storageKey: Uint8Array
  /** How long sessions stay after their end, ms. */
  retentionMs?: number
  /** For the operator's log. */
  onFault?: (fault: StoreFault) => void
}>

const WEEK = 7 * 86_400_000

/** From sources Node strips the types itself; then the worker needs the condition under which workspaces give sources. */
function startWorker(workerData: WorkerData): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  return new Worker(new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url), {
    workerData,
    ...(fromSource ? { execArgv: ['--conditions=source', '--no-warnings'] } : {}),
  })
}

const parse = (text: string): unknown => JSON.parse(text)
const session = ({ state, ...row }: FoundSession): StoredSession => ({ ...row, state: parse(state) }) as StoredSession

async function opened(worker: Worker): Promise<void> {
  const message = await new Promise<FromWorker>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  if ('failed' in message) throw new Error(message.failed)
}

/**
 * Opens the database, which `makeDatabase` has made. Throws a plain Error that tells the operator why it cannot: also when another process has
 * it open.
 */
export async function openStore({ path, storageKey, retentionMs = WEEK, onFault }: StoreOptions): Promise<Store> {
  const lock = lockDatabase(path)
  const worker = await openWorker({ path, storageKey, handle: randomUUID() }, lock)
  const fitness = createFitness(path)
  const fault = (found: StoreFault) => {
    fitness.onFault(found)
    onFault?.(found)
  }
  worker.on('error', () => fault({ cause: 'thread' }))
  const sender = new Sender(worker, { onWritten: fitness.onWritten, onFault: fault })
  const moves = movesOf(path, () => fault({ cause: 'listener' }))
  return {
    ...sessionStore(sender, moves),
    ...leaseStore(sender, fault),
    ...recordStore(sender),
    ...bunkerStore(sender, fault),
    verifyAudit: () => sender.send('verifyAudit', []),
    checkAudit: (most) => sender.send('checkAudit', [most]),
    fitness: () => fitness.ask(sender),
    size: () => measure(path, sender),
    sweep: (now) => sender.send('sweep', [now - retentionMs, now]),
    async close() {
      moves.close()
      await sender.idle()
      lock.closing()
      const exited = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage({ close: true } satisfies ToWorker)
      await exited
      lock.release()
    },
  }
}

async function openWorker(data: WorkerData, lock: DatabaseLock): Promise<Worker> {
  try {
    const worker = startWorker(data)
    await opened(worker)
    lock.opened()
    return worker
  } catch (error) {
    lock.release()
    throw error
  }
}

function keyRow(key: KeyStep): KeyRow {
  if ('record' in key)
    return { step: key.step, version: key.record.certificate.body.epoch + 1, record: JSON.stringify(key.record) }
  const version = key.epoch + 1
  return key.step === 'retired'
    ? { step: key.step, version, installed: JSON.stringify(key.installed) }
    : { step: key.step, version, prepared: JSON.stringify(key.prepared) }
}

/** Whoever follows a key is told of an epoch once all its hosts are at it. */
const isInForce = ({ installed }: KeyRecord): boolean => installed !== undefined

function sessionStore(sender: Sender, moves: ReturnType<typeof movesOf>) {
  return {
    async loadSession(kind: string, id: string) {
      const found = await sender.send('loadSession', [kind, id])
      return found ? session(found) : null
    },
    async loadEnclosure(kind: string, id: string) {
      const text = await sender.send('loadEnclosure', [kind, id])
      return text === null ? null : parse(text)
    },
    async save({ state, enclosure, key, audit = [], durable, ...change }: Change) {
      const enclosed = enclosure === undefined ? {} : { enclosure: JSON.stringify(enclosure) }
      const row = { ...change, ...enclosed, state: JSON.stringify(state) }
      const records = audit.map((record) => JSON.stringify(record))
      const version = await sender.send('save', [row, key ? keyRow(key) : null, records, Date.now()], durable)
      moves.tell({ kind: change.kind, id: change.id, version })
      return version
    },
    moved: (listener: (at: Moved) => void) => moves.listen(listener),
  }
}

function leaseStore(sender: Sender, fault: (fault: StoreFault) => void) {
  let first = true
  return {
    async claim(holder: string, until: number) {
      const { unreadable, sessions, anew } = await sender.send('claim', [{ holder, until, now: Date.now(), first }])
      first = false
      for (const found of unreadable) fault(found)
      return { sessions: sessions.map(session), anew }
    },
    release: () => sender.send('release', []),
  }
}

function recordStore(sender: Sender) {
  return {
    async loadKey(keyId: string) {
      const text = await sender.send('loadKey', [keyId])
      return text === null ? null : (parse(text) as KeyRecord)
    },
    async loadKeyAt(keyId: string, epoch: number) {
      const text = await sender.send('loadKeyAt', [keyId, epoch + 1])
      return text === null ? null : (parse(text) as KeyRecord)
    },
    usedKeys: (since: number, most: number) => sender.send('usedKeys', [since, most]) as Promise<KeyId[]>,
    async epochs(keyId: string, epoch: number, most: number) {
      const texts = await sender.send('loadKeysSince', [keyId, epoch + 1, most])
      const records = texts.map((text) => parse(text) as KeyRecord).filter(isInForce)
      return records.map(({ certificate, installed = [] }) => ({
        certificate,
        installed: [...(installed as KeyEpoch['installed'])],
      }))
    },
    async loadEnclaveRoot(enclaveId: string) {
      const text = await sender.send('loadEnclaveRoot', [enclaveId])
      return text === null ? null : (parse(text) as Awaited<ReturnType<Store['loadEnclaveRoot']>>)
    },
    saveEnclaveRoot: (enclaveId: string, root: object) =>
      sender.send('saveEnclaveRoot', [enclaveId, JSON.stringify(root)], true),
    async loadManifests(enclaveId: string) {
      const text = await sender.send('loadManifests', [enclaveId])
      return text === null ? [] : (parse(text) as TakenManifest[])
    },
    saveManifests: (enclaveId: string, manifests: readonly TakenManifest[], audit: AuditRecord) =>
      sender.send('saveManifests', [enclaveId, JSON.stringify(manifests), JSON.stringify(audit)], true),
    async loadReply(scope: string, key: string, now: number) {
      const text = await sender.send('loadReply', [scope, key, now])
      return text === null ? null : (parse(text) as Awaited<ReturnType<Store['loadReply']>>)
    },
    saveReply: (place: ReplyPlace, reply: object, expiresAt: number) =>
      sender.send('saveReply', [place, JSON.stringify(reply), expiresAt, Date.now()]),
  }
}
