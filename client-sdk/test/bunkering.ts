import { EventEmitter } from 'node:events'
import { generateSecretKey } from 'nostr-tools'
import { Refusal } from '@quorate/shared/errors'
import type { Envelope, SignedEvent } from '@quorate/shared/nostr/event'
import { sealedEvent } from '@quorate/shared/verify/client-request'
import { verifyBook } from '@quorate/shared/verify/bunker'
import type { Binding, Book, BunkerAttestation, LogEntry, Taken } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import type { BunkerStatus, LogRow, Waiting } from '@quorate/shared/wire/routes/bunker'
import * as bunkers from '../../shared/party/test/bunker.js'
import { loadKey, sign, type MadeKey } from '../../shared/party/test/ceremony.js'
import { introduceAll, type Member } from '../../shared/party/test/host.js'

type KeyRow = { made?: MadeKey }
type OfKey = Readonly<{ params: { keyId: string } }>
type Row = bunkers.MadeBunker & { waiting: Map<string, Waits>; log: LogRow[] }
/** `raw`: the event itself. */
type Waits = Readonly<{ waiting: Waiting; raw: Envelope }>

type Said = Readonly<{ id: string; result?: string; error?: string }>

/** A program at the other end of a relay, by nostr-tools. `ask` gives what the bunker answers, in clear; null where it does not. */
export type Program = Readonly<{
  pubkey: string
  ask: (method: string, ...params: string[]) => Promise<Said | null>
  /** What came for it without being asked for. */
  heard: () => Said | null
  read: (answer: Envelope) => Said
}>

/** What the scripted gateway answers about bunkers, by the real parties of its hosts, and the relay before it. */
export function bunkering(keys: ReadonlyMap<string, KeyRow>, changed: () => void) {
  const rows = new Map<string, Row>()
  const answers = new EventEmitter()
  const greetings = new Map<string, Envelope>()

  const rowOf = (keyId: string): Row => {
    const row = rows.get(keyId)
    if (row === undefined) throw new Refusal('bunker.not_found')
    return row
  }

  /** Loads every host with all that there is, and says what each holds. */
  async function statusOf(row: Row): Promise<BunkerStatus> {
    const hosts: BunkerStatus['hosts'] = []
    for (const [index, host] of row.key.plan.hosts) {
      const { receipt, refused } = await bunkers.loadBunker(row, index)
      hosts.push({ host: host.identity.signKey, receipt, refused })
    }
    const books = [...row.books.values()]
    const relays = [...new Set(books.flatMap(({ body }) => body.relays))]
    const { keyId } = row.key.plan.skeleton
    const connected = relays.map((relay) => ({ relay, connected: true }))
    return { keyId, signer: row.signer, hosts, books, bindings: row.bindings, relays: connected }
  }

  function write(row: Row, entry: LogEntry): LogRow {
    const line: LogRow = { at: row.log.length + 1, entry, receipts: [] }
    row.log.push(line)
    return line
  }

  /** The key, with hosts that are heard when they write into their logs. */
  const heardOf = (row: Row): MadeKey => ({
    ...row.key,
    plan: {
      ...row.key.plan,
      hosts: new Map([...row.key.plan.hosts].map(([index, host]) => [index, heard(row, host)])),
    },
  })

  const heard = (row: Row, host: Member): Member => ({
    identity: host.identity,
    restart: () => host.restart(),
    async call(method, params) {
      const result = await host.call(method, params)
      const { entry } = result as { entry?: LogEntry }
      if (method === 'signing.partial' && entry !== undefined) write(row, entry)
      return result
    },
  })

  async function finish(row: Row, raw: Envelope, taken: Taken & { does: 'sign' }, approvals: Approval[]) {
    const quorum = taken.willing.slice(0, row.key.plan.skeleton.threshold)
    const asked = { request: taken.request, sealedItems: [sealedEvent(raw)] }
    const line = write(row, taken.entry)
    const { receipts, answer } = await sign(heardOf(row), asked, approvals, quorum)
    line.receipts.push(...receipts)
    return answer
  }

  /** Every host sees a program that comes or goes. */
  async function bindEverywhere(row: Row, raw: Envelope, first: readonly Binding[]): Promise<void> {
    row.bindings.push(...first)
    for (const index of row.key.plan.hosts.keys()) {
      if (index === 1) continue
      const taken = await bunkers.takeAt(row, index, raw)
      write(row, taken.entry)
      if (taken.does === 'answer') row.bindings.push(...taken.bindings)
    }
  }

  /** What becomes of an event: the answer that is published for it now. */
  async function take(row: Row, raw: Envelope, approvals: Approval[] = []): Promise<Envelope | null> {
    const taken = await bunkers.takeAt(row, 1, raw, approvals)
    if (taken.does === 'sign') return finish(row, raw, taken, approvals)
    write(row, taken.entry)
    if (taken.does === 'answer') {
      if (taken.bindings.length > 0) await bindEverywhere(row, raw, taken.bindings)
      return taken.answer
    }
    const { owners, request, pending } = taken
    const expiresAt = Date.now() + 3_600_000
    const { id: event, pubkey: client } = raw
    const waiting = { event, client, owners, request, pending, approvals, expiresAt }
    row.waiting.set(event, { waiting, raw })
    return taken.answer
  }

  /** Takes what waits again, with all that was said of it. */
  async function takeAgain(row: Row, event: string): Promise<void> {
    const { raw, waiting } = row.waiting.get(event)!
    row.waiting.delete(event)
    const answer = await take(row, raw, waiting.approvals)
    if (answer !== null) answers.emit(event, answer)
  }

  const handlers = {
    createBunker: async ({ params: { keyId } }: OfKey) => {
      const { made } = keys.get(keyId)!
      const row = rows.get(keyId) ?? { ...(await bunkers.createBunker(made!)), waiting: new Map(), log: [] }
      rows.set(keyId, row)
      return statusOf(row)
    },
    getBunker: async ({ params: { keyId } }: OfKey) => statusOf(rowOf(keyId)),
    putBook: async ({ params: { keyId }, body: book }: OfKey & { body: Book }) => {
      const row = rowOf(keyId)
      const { certificate, digest } = row.key
      await verifyBook({ certificate: certificate.body, digest }, book)
      const { index, serial } = book.body
      if (serial <= (row.books.get(index)?.body.serial ?? 0)) throw new Refusal('book.stale')
      row.books.set(index, book)
      const status = await statusOf(row)
      for (const event of [...row.waiting.keys()]) await takeAgain(row, event)
      return status
    },
    greetClient: async ({ params: { keyId }, body: { grant } }: OfKey & { body: { grant: never } }) => {
      const { key, signer } = rowOf(keyId)
      const params = { keyId: key.plan.skeleton.keyId, index: 1, signer, grant }
      const { event, relays } = await key.plan.hosts.get(1)!.call('bunker.greet', params)
      for (const [, client] of event.tags) greetings.set(client!, event)
      return { relays }
    },
    listWaiting: ({ params: { keyId } }: OfKey) => ({
      waiting: [...rowOf(keyId).waiting.values()].map(({ waiting }) => waiting),
    }),
    decideWaiting: async ({
      params: { keyId, eventId },
      body,
    }: {
      params: { keyId: string; eventId: string }
      body: Approval
    }) => {
      const row = rowOf(keyId)
      const waiting = row.waiting.get(eventId)?.waiting
      if (waiting === undefined) throw new Refusal('request.not_found')
      waiting.approvals.push(body)
      await takeAgain(row, eventId)
      return row.waiting.get(eventId)?.waiting ?? waiting
    },
    readLog: ({ params: { keyId }, query }: OfKey & { query: URLSearchParams }) => {
      const after = Number(query.get('after') ?? 0)
      return { rows: rowOf(keyId).log.filter(({ at }) => at > after) }
    },
    attestBunker: async ({ params: { keyId } }: OfKey) => {
      const row = rowOf(keyId)
      return { signer: row.signer, hosts: await provedHosts(row) }
    },
  }

  /** What each host holds, with a document of its own. */
  async function provedHosts(row: Row): Promise<BunkerAttestation[]> {
    const hosts: BunkerAttestation[] = []
    for (const [index, member] of row.key.plan.hosts) {
      const { receipt } = await bunkers.loadBunker(row, index)
      hosts.push({ receipt, attested: await member.call('attest', { nonce: '00'.repeat(32) }) })
    }
    return hosts
  }

  /** A program that knows the signer of this key's bunker. */
  function startProgram(keyId: string, secretKey = generateSecretKey()): Program {
    const row = rowOf(keyId)
    const { pubkey, ask, read } = bunkers.startProgram(row, secretKey)
    return {
      pubkey,
      async ask(method, ...params) {
        const answer = await take(row, ask(method, params))
        changed()
        return answer === null ? null : read(answer)
      },
      heard() {
        const greeting = greetings.get(pubkey)
        return greeting === undefined ? null : read(greeting)
      },
      read,
    }
  }

  /** The events by which the signer proves its hosts. */
  async function announced(keyId: string): Promise<readonly SignedEvent[]> {
    const row = rowOf(keyId)
    const { key, signer } = row
    const params = { keyId: key.plan.skeleton.keyId, index: 1, signer, hosts: await provedHosts(row) }
    return (await key.plan.hosts.get(1)!.call('bunker.announce', params)).proofs
  }

  /** After hosts have restarted: each gets its share and the bunker again. */
  async function reload(keyId: string): Promise<void> {
    await introduceAll([...rowOf(keyId).key.plan.hosts.values()])
    await loadKey(rowOf(keyId).key)
    await statusOf(rowOf(keyId))
  }

  const shownTo = (keyId: string) => statusOf(rowOf(keyId))

  return { handlers, rowOf, startProgram, answers, announced, reload, shown: shownTo }
}

export type Bunkering = ReturnType<typeof bunkering>
