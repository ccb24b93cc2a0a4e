import { Worker } from 'node:worker_threads'
import { Refusal } from '@quorate/shared/errors'
import type { Order, Outcome } from './batch.ts'
import type { KeyRow } from './key-table.ts'
import type { AuditRecord, Change, KeyRecord, KeyStep, StoredSession } from '../engine/ports.ts'
import type { Store, TakenManifest } from './store.ts'
import type { FoundSession, Tables } from './tables.ts'
import type { FromWorker, ToWorker, WorkerData } from './worker.ts'

export type StoreOptions = Readonly<{
  path: string
  /** 32 bytes; nothing in the database opens without it. */
  storageKey: Uint8Array
  /** How long sessions stay after their end, ms. */
  retentionMs?: number
  /** SQLite's code of a failure, or what was found damaged: for the operator's log. */
  onFault?: (cause: string) => void
}>

const WEEK = 7 * 86_400_000

type Send = <O extends keyof Tables>(
  operation: O,
  args: Parameters<Tables[O]>,
  durable?: boolean,
) => Promise<ReturnType<Tables[O]>>

/** From sources Node strips the types itself; then the worker needs the condition under which workspaces give sources. */
function startWorker(workerData: WorkerData): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  return new Worker(new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url), {
    workerData,
    ...(fromSource ? { execArgv: ['--conditions=source', '--no-warnings'] } : {}),
  })
}

type Pending = { order: Order; resolve: (value: unknown) => void; reject: (error: unknown) => void }

/**
 * What is asked while a batch is with the worker makes the next one: under load batches grow by themselves, and a lone
 * request waits for nothing.
 */
function createSender(worker: Worker, onFault: (cause: string) => void): { send: Send; idle: () => Promise<void> } {
  let waiting: Pending[] = []
  let flying: readonly Pending[] = []
  let dead = false
  let settled: (() => void) | null = null
  const flush = () => {
    if (flying.length > 0 || waiting.length === 0) return
    flying = waiting
    waiting = []
    worker.postMessage({ orders: flying.map(({ order }) => order) } satisfies ToWorker)
  }
  const settle = ({ resolve, reject }: Pending, outcome: Outcome | undefined) => {
    if (outcome && 'value' in outcome) {
      resolve(outcome.value)
      return
    }
    if (outcome?.cause) onFault(outcome.cause)
    reject(new Refusal(outcome?.refusal ?? 'store.failed'))
  }
  const finish = (outcomes: readonly Outcome[]) => {
    const done = flying
    flying = []
    for (const [at, pending] of done.entries()) settle(pending, outcomes[at])
    flush()
    if (flying.length === 0) settled?.()
  }
  worker.on('message', (message: FromWorker) => {
    if ('outcomes' in message) finish(message.outcomes)
  })
  worker.on('exit', () => {
    dead = true
    for (const pending of [...flying, ...waiting]) settle(pending, undefined)
    flying = []
    waiting = []
    settled?.()
  })
  const send: Send = (operation, args, durable = false) =>
    new Promise((resolve, reject) => {
      if (dead) {
        reject(new Refusal('store.failed'))
        return
      }
      const order = { operation, args, durable } as Order
      waiting.push({ order, resolve: resolve as (value: unknown) => void, reject })
      if (waiting.length === 1) queueMicrotask(flush)
    })
  const idle = () =>
    new Promise<void>((resolve) => {
      settled = resolve
      if (dead || (flying.length === 0 && waiting.length === 0)) resolve()
    })
  return { send, idle }
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

/** Opens, or makes, the database. Throws a plain Error that tells the operator why it cannot. */
export async function openStore({ path, storageKey, retentionMs = WEEK, onFault }: StoreOptions): Promise<Store> {
  const worker = startWorker({ path, storageKey })
  await opened(worker)
  const fault = onFault ?? (() => undefined)
  worker.on('error', () => fault('the thread of the store ended'))
  const { send, idle } = createSender(worker, fault)
  return {
    ...sessionStore(send, fault),
    ...recordStore(send),
    verifyAudit: () => send('verifyAudit', []),
    sweep: (now) => send('sweep', [now - retentionMs, now]),
    async close() {
      await idle()
      const exited = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage({ close: true } satisfies ToWorker)
      await exited
    },
  }
}

const keyRow = (key: KeyStep): KeyRow =>
  'record' in key
    ? { step: key.step, version: key.record.certificate.body.epoch + 1, record: JSON.stringify(key.record) }
    : { step: key.step, version: key.epoch + 1 }

function sessionStore(send: Send, fault: (cause: string) => void) {
  return {
    async loadSession(kind: string, id: string) {
      const found = await send('loadSession', [kind, id])
      return found ? session(found) : null
    },
    async openSessions() {
      const { sessions, unreadable } = await send('openSessions', [])
      if (unreadable > 0) fault(`${unreadable} open sessions do not open under the storage key`)
      return sessions.map(session)
    },
    save({ state, key, audit = [], durable, ...change }: Change) {
      const row = { ...change, state: JSON.stringify(state) }
      const records = audit.map((record) => JSON.stringify(record))
      return send('save', [row, key ? keyRow(key) : null, records, Date.now()], durable)
    },
  }
}

function recordStore(send: Send) {
  return {
    async loadKey(keyId: string) {
      const text = await send('loadKey', [keyId])
      return text === null ? null : (parse(text) as KeyRecord)
    },
    async loadKeyAt(keyId: string, epoch: number) {
      const text = await send('loadKeyAt', [keyId, epoch + 1])
      return text === null ? null : (parse(text) as KeyRecord)
    },
    async certificates(keyId: string, epoch: number, most: number) {
      const texts = await send('loadKeysSince', [keyId, epoch + 1, most])
      return texts.map((text) => (parse(text) as KeyRecord).certificate)
    },
    async loadEnclaveRoot(enclaveId: string) {
      const text = await send('loadEnclaveRoot', [enclaveId])
      return text === null ? null : (parse(text) as Awaited<ReturnType<Store['loadEnclaveRoot']>>)
    },
    saveEnclaveRoot: (enclaveId: string, root: object) =>
      send('saveEnclaveRoot', [enclaveId, JSON.stringify(root)], true),
    async loadManifests(enclaveId: string) {
      const text = await send('loadManifests', [enclaveId])
      return text === null ? [] : (parse(text) as TakenManifest[])
    },
    saveManifests: (enclaveId: string, manifests: readonly TakenManifest[], audit: AuditRecord) =>
      send('saveManifests', [enclaveId, JSON.stringify(manifests), JSON.stringify(audit)], true),
    async loadReply(scope: string, key: string, now: number) {
      const text = await send('loadReply', [scope, key, now])
      return text === null ? null : (parse(text) as Awaited<ReturnType<Store['loadReply']>>)
    },
    saveReply: (scope: string, key: string, reply: object, expiresAt: number) =>
      send('saveReply', [scope, key, JSON.stringify(reply), expiresAt, Date.now()]),
  }
}
