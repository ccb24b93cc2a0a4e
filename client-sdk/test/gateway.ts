import { EventEmitter, on, once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Refusal, refusals, type RefusalCode } from '@quorate/shared/errors'
import { verifyBody } from '@quorate/shared/crypto/sign'
import { signersOfItems } from '@quorate/shared/verify/signers'
import { toHex } from '@quorate/shared/wire/bytes'
import type { RegistrationReceipt, Skeleton } from '@quorate/shared/wire/keygen'
import { writePath, type ParameterName } from '@quorate/shared/wire/routes/route'
import { routes, type RouteName, type RouteReply } from '@quorate/shared/wire/routes/table'
import { certifyAll, sign, type MadeKey } from '../../shared/party/test/ceremony.js'
import { agree } from '../../shared/party/test/epoch-change.js'
import { presentTime } from '../../shared/party/test/host.js'
import { hostOf, openInit, type Fleet } from './fleet.ts'
import { bunkering, type Bunkering } from './bunkering.ts'
import { togetherHandlers } from './gateway-together.ts'
import { refreshHandlers } from './refreshing.ts'

type Params = Readonly<Partial<Record<ParameterName, string>>>
type Asked = Readonly<{
  route: RouteName
  params: Params
  query: URLSearchParams
  body: unknown
  idempotencyKey: string | undefined
}>
type OfKey = Readonly<{ params: { keyId: string } }>
type OfSigning = Readonly<{ params: { signingId: string } }>
type Problem = Readonly<{ problem: RefusalCode; culprits?: number[] }>
type Raw = Readonly<{ raw: string; status: number; type: string; headers?: Record<string, string> }>
type KeygenRow = {
  slots: RouteReply<'reserveKeygen'>['slots']
  expiresAt: number
  skeleton?: Skeleton
  /** No gateway has it: a test that takes the hosts over does. */
  secret?: Uint8Array
  receipts: Map<number, RegistrationReceipt>
  /** With which its hosts sign: at the epoch in force. */
  made?: MadeKey
}

/**
 * An honest gateway with its enclaves, over real HTTP, that a test makes hostile: `lies[route]` gets the honest reply (JSON)
 * and gives what is sent in its place; `faults` answer the next requests before anything else does.
 */
export type Gateway = Readonly<{
  url: string
  asked: Asked[]
  /** Resolves when it is asked this, or with this parameter of the query, the next time. */
  nextAsked: (route: RouteName, parameter?: string) => Promise<void>
  lies: Partial<Record<RouteName, (honest: never, asked: Asked) => unknown>>
  faults: ((asked: Asked) => Problem | Raw | undefined)[]
  keygens: Map<string, KeygenRow>
  /** The bunkers of its keys, and the programs before them. */
  bunkers: Bunkering
  /** Served as they are, by path: a page for a browser. */
  files: Map<string, Readonly<{ type: string; body: string | Uint8Array }>>
  close: () => Promise<void>
}>

/** As commands are answered: without the items. */
function progressOf(status: RouteReply<'getSigning'>): Omit<RouteReply<'getSigning'>, 'sealedItems'> {
  const progress: Partial<RouteReply<'getSigning'>> = { ...status }
  delete progress.sealedItems
  return progress as RouteReply<'getSigning'>
}

const random = (length: number) => toHex(crypto.getRandomValues(new Uint8Array(length)))
const problem = (code: RefusalCode, culprits?: number[]): Problem => ({ problem: code, ...(culprits && { culprits }) })

export async function startGateway(fleet: Fleet): Promise<Gateway> {
  const keygens = new Map<string, KeygenRow>()
  const signings = new Map<string, RouteReply<'getSigning'>>()
  const tokens = new Map<string, string>()
  /** Whoever waits looks again when somebody has sent something. */
  const happenings = new EventEmitter().setMaxListeners(0)
  const changed = () => happenings.emit('changed')
  const nextChange = () => once(happenings, 'changed')
  const bunkers = bunkering(keygens, changed)
  const gateway: Omit<Gateway, 'url' | 'close' | 'nextAsked'> = {
    asked: [],
    lies: {},
    faults: [],
    keygens,
    bunkers,
    files: new Map(),
  }

  const keygenStatus = (id: string): RouteReply<'getKeygen'> | Problem => {
    const row = keygens.get(id)
    if (!row) return problem('request.not_found')
    const state = row.made ? 'completed' : 'collecting_participants'
    const slots = row.slots.map((slot) => ({ ...slot, registered: row.receipts.has(slot.index) }))
    const version = row.receipts.size + 1
    const rest = { version, state, expiresAt: row.expiresAt, slots, failure: null } as const
    return {
      keyId: id as never,
      ...rest,
      certificate: row.made?.certificate ?? null,
      installed: [...(row.made?.installed ?? [])],
    }
  }

  /** The hosts sign as soon as the asker and those who approved are enough. */
  const advance = async (status: RouteReply<'getSigning'>) => {
    const { made } = keygens.get(status.keyId)!
    const [first] = signersOfItems(made!.plan.skeleton, status.request.body)
    const { members, threshold } = first!
    const approvers = status.approvals.filter((a) => a.body.decisions.includes('approve')).map((a) => a.body.index)
    const { asker } = status.request.body
    if (typeof asker !== 'number') return
    const willing = [...new Set([asker, ...approvers])].filter((index) => members.includes(index))
    const quorum = willing.slice(0, threshold)
    if (quorum.length < threshold) return
    const { results, receipts } = await sign(made!, status, status.approvals, quorum)
    const version = status.version + 1
    signings.set(status.signingId, { ...status, version, state: 'completed', quorum, receipts, results })
  }

  const handlers: { [N in RouteName]?: (asked: Asked & { params: never; body: never }) => unknown } = {
    listEnclaves: () => ({
      enclaves: fleet.enclaves.map(({ identity }) => ({
        ...{ enclaveId: identity.enclaveId, state: 'ready', identity, sealing: null },
      })),
    }),
    getAttestation: ({ params: { enclaveId }, query }) => {
      const enclave = fleet.enclaves.find(({ identity }) => identity.enclaveId === enclaveId)
      return enclave?.call('attest', { nonce: query.get('nonce')! }) ?? problem('request.not_found')
    },
    openSession: async ({ body }: { body: { body: { keyId: string }; signature: string } }) => {
      const reader = keygens.get(body.body.keyId)?.skeleton?.readerKey
      if (!reader || !(await verifyBody(reader, 'session', body))) return problem('request.unauthorized')
      const token = random(16)
      tokens.set(token, body.body.keyId)
      return { token, expiresAt: Date.now() + 900_000, lives: fleet.enclaves.map((host) => host.bootId()) }
    },
    reserveKeygen: ({ body: { keyId, ...body } }: { body: { keyId: string; participants: string[] } }) => {
      const enclaves = fleet.enclaves.map(({ identity }) => identity)
      const slots = body.participants.map((userId, at) => {
        const { enclaveId } = enclaves[at % enclaves.length]!
        return { userId, index: at + 1, enclaveId, registered: false }
      }) as KeygenRow['slots']
      const expiresAt = Date.now() + 60_000
      keygens.set(keyId, { slots, expiresAt, receipts: new Map() })
      const [first] = enclaves
      const coordinator = { coordinatorEnclaveId: first!.enclaveId, coordinatorPublicKey: first!.sealKey }
      return { keyId, expiresAt, slots, enclaves, ...coordinator }
    },
    initKeygen: async ({
      params: { keyId },
      body,
    }: {
      params: { keyId: string }
      body: { skeleton: Skeleton; sealed: { enclaveId: string; sealed: string }[] }
    }) => {
      const row = keygens.get(keyId)!
      row.skeleton = body.skeleton
      for (const { enclaveId, sealed } of body.sealed) {
        const enclave = fleet.enclaves.find(({ identity }) => identity.enclaveId === enclaveId)!
        await enclave.call('keygen.init', { skeleton: body.skeleton, sealed })
        row.secret = openInit(enclave.keys, sealed).sessionSecret
      }
      return keygenStatus(keyId)
    },
    getSlots: ({ params: { keyId } }: OfKey) => {
      const { skeleton, slots } = keygens.get(keyId)!
      return { keyId, skeleton, slots }
    },
    register: async ({ params: { keyId }, body }: OfKey & { body: { userId: string; sealed: string } }) => {
      const row = keygens.get(keyId)!
      const { index } = row.skeleton!.participants.find(({ userId }) => userId === body.userId)!
      if (row.made) return problem('session.conflict')
      const host = hostOf(fleet, row.skeleton!, index)
      const { receipt } = await host.call('keygen.register', { keyId: row.skeleton!.keyId, sealed: body.sealed })
      row.receipts.set(index, receipt)
      if (row.receipts.size === row.slots.length) row.made = await makeKey(fleet, row)
      return { receipt }
    },
    getKeygen: ({ params: { keyId } }: OfKey) => keygenStatus(keyId),
    requestSigning: async ({
      body,
    }: {
      body: { request: RouteReply<'getSigning'>['request']; sealedItems: string[] }
    }) => {
      const { signingId, keyId, expiresAt } = body.request.body
      const items = body.request.body.items.map(() => 'waiting' as const)
      const fresh = { attempt: 1, items, approvals: [], quorum: [], failure: null, results: null, receipts: [] }
      const status = {
        signingId,
        keyId,
        version: 1,
        state: 'collecting_participants' as const,
        expiresAt,
        ...fresh,
        ...body,
      }
      signings.set(signingId, status)
      await advance(status)
      return progressOf(signings.get(signingId)!)
    },
    approveSigning: async ({
      params: { signingId },
      body,
    }: OfSigning & { body: RouteReply<'getSigning'>['approvals'][0] }) => {
      const status = signings.get(signingId)
      if (!status) return problem('request.not_found')
      const isOver = status.state !== 'collecting_participants'
      if (isOver && !status.approvals.some((one) => one.body.index === body.body.index))
        return problem('session.conflict')
      const next = { ...status, version: status.version + 1, approvals: [...status.approvals, body] }
      if (!body.body.decisions.includes('approve'))
        Object.assign(next, { state: 'failed', failure: { code: 'signing.rejected', culprits: [body.body.index] } })
      signings.set(signingId, next)
      if (next.state !== 'failed') await advance(next)
      return progressOf(signings.get(signingId)!)
    },
    withdrawSigning: ({ params: { signingId } }: OfSigning) => {
      const status = signings.get(signingId)
      if (!status) return problem('request.not_found')
      const failure = { code: 'signing.withdrawn' as const, culprits: [] }
      if (status.state === 'collecting_participants')
        signings.set(signingId, { ...status, version: status.version + 1, state: 'failed', failure })
      return progressOf(signings.get(signingId)!)
    },
    ...togetherHandlers({
      request: (asked) => handlers.requestSigning!(asked),
      approve: (asked) => handlers.approveSigning!(asked),
    }),
    ...refreshHandlers(keygens),
    ...bunkers.handlers,
    getSigning: ({ params: { signingId } }: OfSigning) => signings.get(signingId) ?? problem('request.not_found'),
    // Two on a page.
    listSignings: ({ params: { keyId }, query }: OfKey & { query: URLSearchParams }) => {
      const open = [...signings.values()].filter((s) => s.keyId === keyId && s.state === 'collecting_participants')
      const cursor = query.get('cursor') ?? ''
      // A signing that changes stays in its place among those that came.
      const later = open.slice(open.findIndex(({ signingId }) => signingId === query.get('after')) + 1)
      const rest = later
        .filter(({ signingId }) => signingId > cursor)
        .sort((a, b) => (a.signingId < b.signingId ? -1 : 1))
      const next = rest.length > 2 ? rest[1]!.signingId : null
      return { signings: rest.slice(0, 2), next, newest: open.at(-1)?.signingId ?? null }
    },
  }

  /** Is there nothing to wait for? A list without anything in it waits. */
  const ended = (reply: unknown) => {
    if (typeof reply !== 'object' || reply === null) return true
    if ('waiting' in reply) return (reply.waiting as unknown[]).length > 0
    if ('signings' in reply) return (reply.signings as unknown[]).length > 0
    if ('rows' in reply) return (reply.rows as unknown[]).length > 0
    return !('state' in reply) || ['completed', 'failed', 'expired'].includes(String(reply.state))
  }

  const answer = async (asked: Asked, authorization: string | undefined): Promise<unknown> => {
    const wait = waitOf(asked.query)
    const over = AbortSignal.timeout(wait)
    gateway.asked.push(asked)
    happenings.emit('asked', asked)
    const fault = gateway.faults.shift()?.(asked)
    if (fault) return fault
    if (routes[asked.route].wants === 'reader') {
      const keyId = tokens.get(authorization?.replace('Bearer ', '') ?? '')
      if (keyId === undefined) return problem('request.unauthorized')
      const { params } = asked
      const own = keyId === (params.keyId ?? signings.get(params.signingId ?? '')?.keyId)
      if (!own) return problem('request.not_found')
    }
    const after = asked.query.get('after')
    for (;;) {
      const change = nextChange()
      const honest: unknown = await answered(() => handlers[asked.route]!(asked as never))
      if (routes[asked.route].method !== 'get') changed()
      const lie = gateway.lies[asked.route] as ((reply: unknown, asked: Asked) => unknown) | undefined
      const reply: unknown = lie ? await lie(honest, asked) : honest
      const newer = after !== null && Number((reply as { version?: number }).version) > Number(after)
      if (ended(reply) || newer || wait === 0 || over.aborted) return reply
      await Promise.race([change, once(over, 'abort')])
    }
  }

  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '', 'http://gateway')
      const file = gateway.files.get(url.pathname)
      if (file) return void response.writeHead(200, { 'content-type': file.type }).end(file.body)
      const named = findRoute(request.method ?? '', url.pathname)
      const text = await bodyOf(request)
      const idempotencyKey = request.headers['idempotency-key'] as string | undefined
      const asked = named && {
        ...named,
        query: url.searchParams,
        body: text ? (JSON.parse(text) as unknown) : null,
        idempotencyKey,
      }
      const reply = asked ? await answer(asked, request.headers.authorization) : problem('request.not_found')
      send(response, reply)
    })().catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const nextAsked = async (route: RouteName, parameter?: string): Promise<void> => {
    for await (const [asked] of on(happenings, 'asked') as AsyncIterable<[Asked]>)
      if (asked.route === route && (parameter === undefined || asked.query.has(parameter))) return
  }
  return { ...gateway, nextAsked, url, close: () => closeServer(server) }
}

/** The hosts make the key, and agree to it. What only people know of it is not here. */
async function makeKey(fleet: Fleet, row: KeygenRow): Promise<MadeKey> {
  const skeleton = row.skeleton!
  const hosts = new Map(skeleton.participants.map(({ index }) => [index, hostOf(fleet, skeleton, index)]))
  const plan = {
    clock: presentTime,
    skeleton,
    hosts,
    sessionSecret: row.secret!,
    invitationKeys: new Map(),
    signers: new Map(),
  }
  const registrations = row.slots.map((slot) => row.receipts.get(slot.index)!)
  return agree(await certifyAll(plan, { skeleton, registrations }))
}

/** What a host refuses is refused with its code. */
async function answered(question: () => unknown): Promise<unknown> {
  try {
    return await question()
  } catch (error) {
    if (error instanceof Refusal) return problem(error.code, [...error.culprits])
    throw error
  }
}

function send(response: ServerResponse, reply: unknown): void {
  if (typeof reply === 'object' && reply !== null && 'raw' in reply) {
    const { raw, status, type, headers = {} } = reply as Raw
    response.writeHead(status, { 'content-type': type, ...headers }).end(raw)
  } else if (typeof reply === 'object' && reply !== null && 'problem' in reply) {
    const { problem: code, culprits = [] } = reply as Problem
    const { status, title, retry } = refusals[code]
    response.writeHead(status, { 'content-type': 'application/problem+json' })
    response.end(JSON.stringify({ type: `/docs#${code}`, title, status, code, retry, culprits }))
  } else {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
  }
}

/** How long a question may wait for its answer, ms. */
function waitOf(query: URLSearchParams): number {
  const wait = query.get('wait') ?? '0ms'
  return Number.parseInt(wait) * (wait.endsWith('ms') ? 1 : 1_000)
}

function findRoute(method: string, path: string): { route: RouteName; params: Params } | null {
  for (const [route, { method: wanted, path: template }] of Object.entries(routes)) {
    const pattern = writePath(template, (name) => `(?<${name}>[^/]+)`)
    const match = new RegExp(`^/api/v1${pattern}$`).exec(path)
    if (!match || wanted !== method.toLowerCase()) continue
    const params = Object.entries(match.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)])
    return { route: route as RouteName, params: Object.fromEntries(params) as Params }
  }
  return null
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
