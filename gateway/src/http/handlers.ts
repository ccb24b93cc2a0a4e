import { Refusal } from '@quorate/shared/errors'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { RouteName, RouteReply, routes } from '@quorate/shared/wire/routes/table'
import type { z } from 'zod'
import type { Coordinator } from '../commands/ports.ts'
import type { Enclaves } from '../hosts/enclaves/enclaves.ts'
import type { Manifests } from '../release/manifests.ts'
import { read, stream, type Stream } from './followed.ts'
import type { Principal } from './principal.ts'
import type { createSessions } from './sessions.ts'

type Routes = typeof routes
export type StreamName = { [N in RouteName]: Routes[N] extends { events: true } ? N : never }[RouteName]
export type ReplyName = Exclude<RouteName, StreamName>

/**
 * A request after its schema, of a principal that may reach what the path names. `signal` aborts when nobody waits any more.
 */
export type Input<N extends RouteName> = Readonly<{
  principal: Extract<Principal, { kind: Routes[N]['wants'] }>
  params: z.output<Routes[N]['params']>
  query: z.output<Routes[N]['query']>
  body: Routes[N]['body'] extends z.core.$ZodType ? z.output<Routes[N]['body']> : null
  signal: AbortSignal
  /** Whom bounds count for what this request makes. */
  holder: string
}>

export type Handlers = { [N in ReplyName]: (input: Input<N>) => Promise<RouteReply<N>> } & {
  [N in StreamName]: (input: Input<N>) => Promise<Stream>
}

export type HandlerPorts = {
  coordinator: Coordinator
  enclaves: Pick<Enclaves, 'ids' | 'status' | 'ask'>
  manifests: Pick<Manifests, 'report'>
  openSession: ReturnType<typeof createSessions>
}

/** What each route of the table does. */
export function createHandlers({ openSession, coordinator, enclaves, manifests }: HandlerPorts): Handlers {
  return {
    openSession: ({ body }) => openSession(body),
    ...keygenHandlers(coordinator),
    ...keyHandlers(coordinator),
    ...signingHandlers(coordinator),
    ...refreshHandlers(coordinator),
    ...bunkerHandlers(coordinator),
    ...enclaveHandlers(enclaves),
    getManifest: () => manifests.report(),
  }
}

type Some<N extends RouteName> = Pick<Handlers, N>

function keygenHandlers(
  coordinator: Coordinator,
): Some<'reserveKeygen' | 'initKeygen' | 'register' | 'getSlots' | 'getKeygen' | 'watchKeygen'> {
  return {
    reserveKeygen: ({ body, holder }) => coordinator.reserve(body, holder),
    initKeygen: ({ params, body }) => coordinator.init(params.keyId, body),
    register: ({ params, body }) => coordinator.register(params.keyId, body),
    getSlots: ({ params }) => coordinator.slots(params.keyId),
    getKeygen: ({ params, ...asked }) => read(coordinator.follow.keygen, params.keyId, asked),
    watchKeygen: ({ params }) => stream(coordinator.follow.keygen, params.keyId),
  }
}

function keyHandlers(coordinator: Coordinator): Some<'getKey' | 'listCertificates'> {
  return {
    getKey: async ({ params: { keyId } }) => ({ keyId, certificate: await coordinator.key(keyId) }),
    listCertificates: async ({ params: { keyId }, query: { from } }) => ({
      keyId,
      epochs: await coordinator.epochs(keyId, from),
    }),
  }
}

function signingHandlers(
  coordinator: Coordinator,
): Some<
  | 'requestSigning'
  | 'approveSigning'
  | 'withdrawSigning'
  | 'getSigning'
  | 'watchSigning'
  | 'listSignings'
  | 'requestSignings'
  | 'approveSignings'
> {
  return {
    requestSigning: ({ body }) => coordinator.requestSigning(body),
    approveSigning: ({ params, body }) => coordinator.approve(params.signingId, body),
    requestSignings: ({ body }) => coordinator.requestSignings(body),
    approveSignings: ({ body }) => coordinator.approveSignings(body),
    withdrawSigning: ({ params, body }) => coordinator.withdraw(params.signingId, body),
    getSigning: async ({ params, ...asked }) =>
      coordinator.withItems(await read(coordinator.follow.signing, params.signingId, asked)),
    watchSigning: ({ params }) => stream(coordinator.follow.signing, params.signingId),
    listSignings: ({ params: { keyId }, query: { wait: ms, ...page }, signal }) =>
      ms === undefined ? coordinator.openSignings(keyId, page) : coordinator.waitSignings(keyId, { ms, signal }, page),
  }
}

function refreshHandlers(coordinator: Coordinator): Some<'requestRefresh' | 'getRefresh' | 'watchRefresh'> {
  return {
    requestRefresh: ({ params, body }) => coordinator.requestRefresh(params.keyId, body),
    getRefresh: ({ params, ...asked }) => read(coordinator.follow.refresh, params.refreshId, asked),
    watchRefresh: ({ params }) => stream(coordinator.follow.refresh, params.refreshId),
  }
}

function bunkerHandlers(
  coordinator: Coordinator,
): Some<
  | 'createBunker'
  | 'getBunker'
  | 'putBook'
  | 'greetClient'
  | 'listWaiting'
  | 'decideWaiting'
  | 'readLog'
  | 'attestBunker'
> {
  const waiting = (ms: number | undefined, signal: AbortSignal) => (ms === undefined ? null : { ms, signal })
  return {
    createBunker: ({ params }) => coordinator.createBunker(params.keyId),
    getBunker: ({ params }) => coordinator.bunker(params.keyId),
    putBook: ({ params, body }) => coordinator.putBook(params.keyId, body),
    greetClient: ({ params, body }) => coordinator.greetClient(params.keyId, body.grant),
    listWaiting: ({ params, query, signal }) => coordinator.listWaiting(params.keyId, waiting(query.wait, signal)),
    decideWaiting: ({ params, body }) => coordinator.decideWaiting(params.keyId, params.eventId, body),
    readLog: ({ params, query, signal }) =>
      coordinator.readLog(params.keyId, query.after ?? null, waiting(query.wait, signal)),
    attestBunker: ({ params }) => coordinator.attestBunker(params.keyId),
  }
}

function enclaveHandlers(
  enclaves: HandlerPorts['enclaves'],
): Some<'listEnclaves' | 'getAttestation' | 'getManifestStatus'> {
  const known = (id: EnclaveId): EnclaveId => {
    if (!enclaves.ids().includes(id)) throw new Refusal('request.not_found')
    return id
  }
  return {
    listEnclaves: () =>
      Promise.resolve({ enclaves: enclaves.ids().map((id) => ({ enclaveId: id, ...enclaves.status(id) })) }),
    getAttestation: async ({ params, query }) => enclaves.ask(known(params.enclaveId), 'attest', query),
    getManifestStatus: async ({ params, query }) => enclaves.ask(known(params.enclaveId), 'manifest.status', query),
  }
}
