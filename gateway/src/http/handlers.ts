import { Refusal } from '@quorate/shared/errors'
import type { KeyId, RefreshId, SigningId } from '@quorate/shared/wire/ids'
import type { KeygenStatus } from '@quorate/shared/wire/routes/keygen'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import type { RouteName, RouteReply, routes } from '@quorate/shared/wire/routes/table'
import type { z } from 'zod'
import type { Coordinator } from '../coordinator/ports.ts'
import type { Enclaves } from '../enclaves/enclaves.ts'
import type { Manifests } from '../release/manifests.ts'
import type { createSessions } from './sessions.ts'

type Routes = typeof routes
export type StreamName = { [N in RouteName]: Routes[N] extends { events: true } ? N : never }[RouteName]
export type ReplyName = Exclude<RouteName, StreamName>

/** A request after its schema. `reader` is the key that the token is for; `signal` aborts when nobody waits any more. */
export type Input<N extends RouteName> = Readonly<{
  params: z.output<Routes[N]['params']>
  query: z.output<Routes[N]['query']>
  body: Routes[N]['body'] extends z.ZodType ? z.output<Routes[N]['body']> : null
  reader: Routes[N]['auth'] extends 'token' ? KeyId : null
  signal: AbortSignal
}>

type Status = KeygenStatus | RefreshStatus | SigningStatus
/** What server-sent events are made of: `watch` gives every later status. */
export type Stream = Readonly<{
  current: () => Promise<Status>
  watch: (listener: (status: Status) => void) => () => void
}>

export type Handlers = { [N in ReplyName]: (input: Input<N>) => Promise<RouteReply<N>> } & {
  [N in StreamName]: (input: Input<N>) => Promise<Stream>
}

export type HandlerPorts = {
  coordinator: Coordinator
  enclaves: Pick<Enclaves, 'ids' | 'status' | 'call'>
  manifests: Pick<Manifests, 'report'>
  openSession: ReturnType<typeof createSessions>
}

/** What each route of the table does. A token for one key asks about another in vain: the same answer as for a key that is not. */
export function createHandlers({ coordinator, enclaves, manifests, openSession }: HandlerPorts): Handlers {
  const ownSigning = async (id: SigningId, reader: KeyId): Promise<SigningStatus> => {
    const status = await coordinator.signingStatus(id)
    if (status.keyId !== reader) throw new Refusal('request.not_found')
    return status
  }
  const ownRefresh = async (keyId: KeyId, refreshId: RefreshId): Promise<RefreshStatus> => {
    const status = await coordinator.refreshStatus(refreshId)
    if (status.keyId !== keyId) throw new Refusal('request.not_found')
    return status
  }
  return {
    openSession: ({ body }) => openSession(body),
    reserveKeygen: ({ body }) => coordinator.reserve(body),
    initKeygen: ({ params, body }) => coordinator.init(params.keyId, body),
    register: ({ params, body }) => coordinator.register(params.keyId, body),
    getSlots: async ({ params, reader }) => coordinator.slots(own(params.keyId, reader)),
    getKeygen: async ({ params, reader, query: { wait: ms, after }, signal }) => {
      const id = own(params.keyId, reader)
      return ms === undefined ? coordinator.keygenStatus(id) : coordinator.waitKeygen(id, { after, ms, signal })
    },
    watchKeygen: ({ params, reader }) => {
      const id = own(params.keyId, reader)
      const watch: Stream['watch'] = (listener) => coordinator.watch('keygen', id, listener)
      return Promise.resolve({ current: () => coordinator.keygenStatus(id), watch })
    },
    requestSigning: ({ body }) => coordinator.requestSigning(body),
    approveSigning: ({ params, body }) => coordinator.approve(params.signingId, body),
    getSigning: async ({ params: { signingId }, reader, query: { wait: ms, after }, signal }) => {
      const status = await ownSigning(signingId, reader)
      return ms === undefined ? status : coordinator.waitSigning(signingId, { after, ms, signal })
    },
    watchSigning: async ({ params: { signingId }, reader }) => {
      await ownSigning(signingId, reader)
      const watch: Stream['watch'] = (listener) => coordinator.watch('signing', signingId, listener)
      return { current: () => coordinator.signingStatus(signingId), watch }
    },
    listEnclaves: () =>
      Promise.resolve({ enclaves: enclaves.ids().map((id) => ({ enclaveId: id, ...enclaves.status(id) })) }),
    getAttestation: async ({ params: { enclaveId }, query }) => {
      if (!enclaves.ids().includes(enclaveId)) throw new Refusal('request.not_found')
      return enclaves.call(enclaveId, 'attest', query)
    },
    getManifestStatus: async ({ params: { enclaveId }, query }) => {
      if (!enclaves.ids().includes(enclaveId)) throw new Refusal('request.not_found')
      return enclaves.call(enclaveId, 'manifest.status', query)
    },
    getManifest: () => manifests.report(),
    getKey: async ({ params, reader }) => {
      const keyId = own(params.keyId, reader, 'key.not_found')
      return { keyId, certificate: await coordinator.key(keyId) }
    },
    listCertificates: async ({ params, reader, query: { from } }) => {
      const keyId = own(params.keyId, reader, 'key.not_found')
      return { keyId, certificates: await coordinator.certificates(keyId, from) }
    },
    requestRefresh: ({ params, body }) => coordinator.requestRefresh(params.keyId, body),
    getRefresh: async ({ params: { keyId, refreshId }, reader, query: { wait: ms, after }, signal }) => {
      const status = await ownRefresh(own(keyId, reader), refreshId)
      return ms === undefined ? status : coordinator.waitRefresh(refreshId, { after, ms, signal })
    },
    watchRefresh: async ({ params: { keyId, refreshId }, reader }) => {
      await ownRefresh(own(keyId, reader), refreshId)
      const watch: Stream['watch'] = (listener) => coordinator.watch('refresh', refreshId, listener)
      return { current: () => coordinator.refreshStatus(refreshId), watch }
    },
    listSignings: async ({ params, reader, query: { wait: ms }, signal }) => {
      const keyId = own(params.keyId, reader, 'key.not_found')
      const open = coordinator.openSignings.bind(coordinator)
      return { signings: await (ms === undefined ? open(keyId) : coordinator.waitSignings(keyId, { ms, signal })) }
    },
  }
}

function own(id: KeyId, reader: KeyId, code: 'request.not_found' | 'key.not_found' = 'request.not_found'): KeyId {
  if (id !== reader) throw new Refusal(code)
  return id
}
