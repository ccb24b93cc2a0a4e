import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import { NostrKey } from '@quorate/shared/nostr/keys'
import type { Shown } from '../../src/nostr/offered.ts'
import { Refusal } from '@quorate/shared/errors'
import { createSigner, signBody, type Signer } from '@quorate/shared/crypto/sign'
import { LogLine } from '@quorate/shared/log-line'
import { toHex } from '@quorate/shared/wire/bytes'
import { EnclaveId, KeyId, RefreshId, SigningId } from '@quorate/shared/wire/ids'
import type { Skeleton } from '@quorate/shared/wire/keygen'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { KeygenStatus, Reservation } from '@quorate/shared/wire/routes/keygen'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import { Registry } from 'prom-client'
import type { Coordinator, Following } from '../../src/commands/ports.ts'
import type { EnclaveStatus } from '../../src/hosts/enclaves/enclaves.ts'
import { createEvents } from '../../src/events.ts'
import { createHttpEvents } from '../../src/http/http-events.ts'
import { startHttp, type HttpPorts } from '../../src/http/http.ts'
import { memoryReplies } from '../../src/http/idempotency.ts'
import { createLog } from '../../src/log.ts'
import { openApi } from '../../src/http/openapi.ts'
import { noticed } from '../../../shared/test/noticing.js'

export const keyA = KeyId.parse('a'.repeat(32))
export const keyB = KeyId.parse('b'.repeat(32))
export const unknownKey = KeyId.parse('c'.repeat(32))
export const signingOfA = SigningId.parse('1'.repeat(32))
export const signingOfB = SigningId.parse('2'.repeat(32))
export const unknownSigning = SigningId.parse('3'.repeat(32))
export const refreshOfA = RefreshId.parse('4'.repeat(32))
export const refreshOfB = RefreshId.parse('5'.repeat(32))
export const unknownRefresh = RefreshId.parse('6'.repeat(32))

export const keygenStatus = (keyId: KeyId, version = 1, state: KeygenStatus['state'] = 'reserved'): KeygenStatus => ({
  keyId,
  version,
  state,
  expiresAt: 2_000_000_000_000,
  slots: [],
  failure: null,
  installed: [],
  certificate: null,
})
const signingStatus = (signingId: SigningId, keyId: KeyId) =>
  ({ signingId, keyId, version: 1, state: 'collecting_participants' }) as unknown as SigningStatus
const refreshStatus = (refreshId: RefreshId, keyId: KeyId) =>
  ({ refreshId, keyId, version: 1, state: 'gathering' }) as unknown as RefreshStatus
const certificate = { body: {}, signatures: [] } as unknown as Certificate

/** A coordinator that does nothing but answer: what it was asked, and what it shall say, are in the test's hands. */
function fakeCoordinator() {
  const readers = new Map<string, string>()
  const keygens = new Map([keyA, keyB].map((id) => [id, keygenStatus(id)]))
  const signings = new Map(
    [signingStatus(signingOfA, keyA), signingStatus(signingOfB, keyB)].map((s) => [s.signingId, s]),
  )
  const refreshes = new Map(
    [refreshStatus(refreshOfA, keyA), refreshStatus(refreshOfB, keyB)].map((s) => [s.refreshId, s]),
  )
  const watchers = new Set<(status: KeygenStatus) => void>()
  const asked: string[] = []
  const note = (what: string) => {
    asked.push(what)
    noticed()
  }
  const waits = new Set<() => void>()
  /** Gives everybody who waits what stands now: as when the state changes, and as when the time of a wait is over. */
  const endWaits = () => {
    for (const end of waits) end()
    waits.clear()
  }
  const refuse = () => Promise.reject(new Refusal('session.conflict'))
  const followKeygens: Coordinator['follow']['keygen'] = {
    status: async (id) => Promise.resolve(found(keygens.get(id as KeyId))),
    wait: async (id, { after, ms, signal }) => {
      note(`wait ${String(after)} ${ms}`)
      const before = found(keygens.get(id as KeyId))
      if (after !== undefined && before.version > after) return before
      await new Promise<void>((resolve) => {
        waits.add(resolve)
        signal?.addEventListener('abort', () => {
          note('aborted')
          resolve()
        })
      })
      return found(keygens.get(id as KeyId))
    },
    watch: (_, listener) => {
      watchers.add(listener)
      noticed()
      return () => {
        watchers.delete(listener)
        noticed()
      }
    },
  }
  const coordinator: Coordinator = {
    reserve: () => {
      note('reserve')
      return Promise.resolve({ keyId: keyA, turn: asked.length } as unknown as Reservation)
    },
    init: refuse,
    register: refuse,
    slots: async (keyId) => {
      const { slots } = found(keygens.get(keyId))
      return Promise.resolve({ keyId, skeleton: {} as Skeleton, slots })
    },
    requestSigning: refuse,
    approve: refuse,
    requestSignings: refuse,
    approveSignings: refuse,
    epochs: async (id) => Promise.resolve(found(keygens.has(id) ? [{ certificate, installed: [] }] : undefined)),
    requestRefresh: refuse,
    withdraw: refuse,
    withItems: (progress) => Promise.resolve({ ...progress, sealedItems: [] }),
    openSignings: () => Promise.resolve({ signings: [], next: null, newest: null }),
    key: async (id) => Promise.resolve(found(keygens.has(id) ? certificate : undefined)),
    readerKey: (id) => Promise.resolve(readers.get(id) ?? null),
    lives: () => Promise.resolve([]),
    ...bunkersOf((id) => keygens.has(id as KeyId)),
    waitSignings: () => Promise.resolve({ signings: [], next: null, newest: null }),
    follow: { keygen: followKeygens, signing: followAt(signings), refresh: followAt(refreshes) },
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const change = (status: KeygenStatus) => {
    keygens.set(status.keyId, status)
    for (const watcher of watchers) watcher(status)
    endWaits()
  }
  return { coordinator, readers, asked, change, endWaits, watchers }
}

/** A program's request that waits in each bunker. */
export const waitingEvent = 'ab'.repeat(32)

/** Bunkers of the keys that there are, with nothing in them. */
function bunkersOf(isKey: (id: string) => boolean) {
  const signer = NostrKey.parse('11'.repeat(32))
  const status = { signer, hosts: [], books: [], bindings: [], relays: [] }
  const of = <T>(keyId: KeyId, value: T) => Promise.resolve().then(() => found(isKey(keyId) ? value : undefined))
  return {
    createBunker: (keyId: KeyId) => of(keyId, { keyId, ...status }),
    bunker: (keyId: KeyId) => of(keyId, { keyId, ...status }),
    putBook: (keyId: KeyId) => of(keyId, { keyId, ...status }),
    greetClient: (keyId: KeyId) => of(keyId, { relays: ['wss://relay.example'] }),
    listWaiting: (keyId: KeyId) => of(keyId, { waiting: [] }),
    decideWaiting: () => Promise.reject(new Refusal('request.not_found')),
    readLog: (keyId: KeyId) => of(keyId, { rows: [] }),
    attestBunker: (keyId: KeyId) => of(keyId, { signer, hosts: [] }),
    showRequest: (keyId: KeyId, eventId: string): Shown | null =>
      isKey(keyId) && eventId === waitingEvent
        ? { client: signer, askedAt: 1_700_000_000_000, expiresAt: 1_700_003_600_000, isConnect: false }
        : null,
    whereBunker: (keyId: KeyId) => (isKey(keyId) ? { signer, relays: ['wss://relay.example'] } : null),
  }
}

const found = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Refusal('request.not_found')
  return value
}

/** Statuses that do not change. */
function followAt<S>(statuses: ReadonlyMap<string, S>): Following<S> {
  const status = async (id: string) => Promise.resolve(found(statuses.get(id)))
  return { status, wait: status, watch: () => () => undefined }
}

/** A real server on a free port of this machine, with everything it wrote to its log. */
export async function startTestHttp(overrides: Partial<HttpPorts> = {}) {
  const lines: string[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const line = chunk.toString()
      LogLine.parse(JSON.parse(line))
      lines.push(line)
      done()
    },
  })
  const log = createLog('trace', sink)
  const registry = new Registry()
  const fake = fakeCoordinator()
  const time = { now: 1_900_000_000_000 }
  const states = new Map<EnclaveId, EnclaveStatus>([
    [EnclaveId.parse('enclave-0'), { state: 'ready', identity: null, sealing: null }],
  ])
  const events = createHttpEvents(log, registry, createEvents(log, registry))
  const enclaves: HttpPorts['enclaves'] = {
    ids: () => [...states.keys()],
    status: (id) => states.get(id) ?? { state: 'down', identity: null, sealing: null },
    ask: () => Promise.reject(new Refusal('enclave.unreachable')),
  }
  const undescribed = new Set<string>()
  const http = await startHttp({
    coordinator: fake.coordinator,
    enclaves,
    manifests: { report: () => Promise.resolve({ manifest: null, enclaves: [] }) },
    replies: memoryReplies(),
    fitness: () => Promise.resolve({ state: 'open' as const }),
    events: {
      ...events,
      requestServed(at) {
        if (!described(at.route).includes(String(at.status))) undescribed.add(`${at.route} ${at.status}`)
        events.requestServed(at)
      },
    },
    registry,
    clock: () => time.now,
    storageKey: new Uint8Array(32).fill(9),
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: { host: '127.0.0.1', port: 0 },
    publicUrl: 'https://quorate.example',
    limits: { ratePerMinute: 10_000, trustedProxies: 0, corsOrigin: null },
    ...overrides,
  })
  const api = `${http.url}/api/v1`
  const reader = await createSigner(new Uint8Array(32).fill(3))
  for (const id of [keyA, keyB]) fake.readers.set(id, toHex(reader.publicKey))
  /** Throws when it has answered with a status that the description of its route does not name. */
  const close = async () => {
    await http.close()
    if (undescribed.size > 0) throw new Error(`not in OpenAPI: ${[...undescribed].join(', ')}`)
  }
  return { ...http, ...fake, enclaves, close, api, lines, time, states, reader, registry }
}

type Operation = Readonly<{ operationId: string; responses: object }>
const operations = Object.values(openApi('')['paths'] as Record<string, Record<string, Operation>>).flatMap((path) =>
  Object.values(path),
)
const described = (route: string) =>
  Object.keys(operations.find(({ operationId }) => operationId === route)?.responses ?? {})
export type TestHttp = Awaited<ReturnType<typeof startTestHttp>>

let nonces = 0
export const proofOf = (signer: Signer, body: Partial<Record<string, unknown>> = {}) =>
  signBody(signer, 'session', {
    keyId: keyA,
    gateway: 'https://quorate.example',
    time: 1_900_000_000_000,
    nonce: (nonces += 1).toString(16).padStart(64, '0'),
    ...body,
  })

export const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

export async function tokenFor(http: TestHttp, keyId: KeyId): Promise<string> {
  const reply = await post(`${http.api}/sessions`, await proofOf(http.reader, { keyId }))
  return ((await reply.json()) as { token: string }).token
}

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

/** Status and text of an answer, without what differs by time and by the request's id. */
export async function answerOf(reply: Response): Promise<{ status: number; body: string }> {
  const named = `,"requestId":"${reply.headers.get('x-request-id')}"`
  return { status: reply.status, body: (await reply.text()).replace(named, '') }
}

/** A connection to send bytes over as they are, and what has come back so far. */
export function dial(url: string): { socket: Socket; text: () => string } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    text += chunk.toString()
    noticed()
  })
  return { socket, text: () => text }
}

/** Sends bytes as they are and gives what comes back until the other side closes. */
export async function raw(url: string, ...chunks: (string | Uint8Array)[]): Promise<string> {
  const { socket, text } = dial(url)
  const closed = once(socket, 'close')
  for (const chunk of chunks) socket.write(chunk)
  await closed
  return text()
}

/** A GET whose path goes out exactly as it is written. */
export function getPath(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const { port } = new URL(url)
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, path, headers }, (reply) => {
      let body = ''
      reply.on('data', (chunk: Buffer) => (body += chunk.toString()))
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }))
    })
    asked.on('error', reject)
    asked.end()
  })
}
