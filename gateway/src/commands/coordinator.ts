import { Refusal } from '@quorate/shared/errors'
import type { KeyId } from '@quorate/shared/wire/ids'
import { MAX_CERTIFICATES } from '@quorate/shared/wire/routes/keys'
import type { EnginePorts } from '../engine/ports.ts'
import { untilReady } from '../engine/until-ready.ts'
import { createHostHealth } from '../hosts/health.ts'
import { createKeyCache } from '../keys/key-cache.ts'
import { createRecall } from '../keys/recall.ts'
import { createKeygens } from './keygen.ts'
import { defaultLimits, type Coordinator, type Ports, type StatusOf } from './ports.ts'
import { createRefreshes } from './refresh.ts'
import { createSignings } from './signing.ts'

/** Joins the ceremonies over one store and one set of hosts. Nothing runs before `start`. */
export function createCoordinator(ports: Ports): Coordinator {
  const { store, clock, events, enclaves: hosts } = ports
  const limits = { ...defaultLimits, ...ports.limits }
  const timeoutMs = limits.roundTimeoutMs
  const health = createHostHealth(hosts, () => {
    for (const { sessions } of Object.values(kinds)) sessions.wake()
  })
  const engine: EnginePorts = { store, hosts, health, journal: events, clock, timeoutMs }
  const keys = createKeyCache(store)
  const tools = { hosts, store, keys, recall: createRecall(hosts, keys.load, timeoutMs), timeoutMs }
  const counted = (kind: keyof StatusOf) => (open: number) => events.openSessions({ kind, open })
  const keygens = createKeygens(ports, engine, limits, counted('keygen'))
  const kinds = {
    keygen: keygens,
    signing: createSignings(ports, engine, limits, tools, counted('signing')),
    refresh: createRefreshes(ports, engine, limits, tools, counted('refresh')),
  }

  const readerKey = async (keyId: KeyId): Promise<string | null> => {
    try {
      return (await keys.load(keyId)).verified.certificate.roster.skeleton.readerKey
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return keygens.readerKey(keyId).catch((error: unknown) => {
      if (isNotFound(error)) return null
      throw error
    })
  }

  return {
    ...kinds.keygen.offered,
    ...kinds.signing.offered,
    ...kinds.refresh.offered,
    key: async (keyId) => (await keys.load(keyId)).record.certificate,
    certificates: async (keyId, epoch) => {
      await keys.load(keyId)
      return store.certificates(keyId, epoch, MAX_CERTIFICATES)
    },
    readerKey,
    watch: <K extends keyof StatusOf>(kind: K, id: string, listener: (status: StatusOf[K]) => void) =>
      kinds[kind].sessions.watchStatus(id, listener as (status: StatusOf[keyof StatusOf]) => void),
    async start() {
      const open = (await store.openSessions()).flatMap((session) => {
        const kind = Object.entries(kinds).find(([name]) => name === session.kind)?.[1]
        return kind ? [{ session, sessions: kind.sessions }] : []
      })
      const awaited = open.flatMap(({ session, sessions }) => sessions.awaited(session))
      await untilReady(hosts, awaited, timeoutMs)
      for (const { session, sessions } of open) sessions.take(session)
    },
    async close() {
      health.close()
      await Promise.all(Object.values(kinds).map(({ sessions }) => sessions.close()))
    },
  }
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Refusal && (error.code === 'key.not_found' || error.code === 'request.not_found')
