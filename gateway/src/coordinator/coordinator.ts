import { Refusal } from '@quorate/shared/errors'
import type { KeyId } from '@quorate/shared/wire/ids'
import { MAX_CERTIFICATES } from '@quorate/shared/wire/routes/keys'
import { createHostHealth } from './host-health.ts'
import { createKeyCache } from './key-cache.ts'
import { createKeygens } from './keygens.ts'
import { defaultLimits, type Coordinator, type Ports, type StatusOf } from './ports.ts'
import { createRecall } from './recall.ts'
import { createRefreshes } from './refreshes.ts'
import { createSignings } from './signings.ts'
import { keygenStatusOf, refreshStatusOf, signingStatusOf } from './status.ts'
import { awaitedHosts, untilReached } from './under-way.ts'

/** Joins keygens and signings over one store and one set of enclaves. Nothing runs before `start`. */
export function createCoordinator(ports: Ports): Coordinator {
  const limits = { ...defaultLimits, ...ports.limits }
  const health = createHostHealth(ports.enclaves, () => {
    keygens.wake()
    signings.wake()
    refreshes.wake()
  })
  const keys = createKeyCache(ports.store)
  const loadKey = keys.load
  const counted = () =>
    ports.events.openSessions({
      keygen: keygens.sessions.size,
      signing: signings.sessions.size,
      refresh: refreshes.sessions.size,
    })
  const keygens = createKeygens(ports, health, limits, counted)
  const recall = createRecall(ports, loadKey, limits.roundTimeoutMs)
  const signings = createSignings(ports, health, limits, { loadKey, recall }, counted)
  const refreshes = createRefreshes(ports, health, limits, { keys, recall }, counted)

  const readerKey = async (keyId: KeyId): Promise<string | null> => {
    try {
      return (await loadKey(keyId)).verified.certificate.roster.skeleton.readerKey
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return keygens.readerKey(keyId).catch((error: unknown) => {
      if (isNotFound(error)) return null
      throw error
    })
  }

  const watch = (<K extends keyof StatusOf>(kind: K, id: string, listener: (status: StatusOf[K]) => void) => {
    if (kind === 'keygen')
      return keygens.sessions.watch(id, (now) => (listener as (s: StatusOf['keygen']) => void)(keygenStatusOf(now)))
    if (kind === 'refresh')
      return refreshes.sessions.watch(id, (now) => (listener as (s: StatusOf['refresh']) => void)(refreshStatusOf(now)))
    return signings.sessions.watch(id, (now) => (listener as (s: StatusOf['signing']) => void)(signingStatusOf(now)))
  }) satisfies Coordinator['watch']

  return {
    ...keygens.offered,
    ...signings.offered,
    ...refreshes.offered,
    key: async (keyId) => (await loadKey(keyId)).record.certificate,
    certificates: async (keyId, epoch) => {
      await loadKey(keyId)
      return ports.store.certificates(keyId, epoch, MAX_CERTIFICATES)
    },
    readerKey,
    watch,
    async start() {
      const open = await ports.store.openSessions()
      await untilReached(ports.enclaves, open.flatMap(awaitedHosts), limits.roundTimeoutMs)
      for (const session of open) {
        if (session.kind === 'keygen') keygens.sessions.take(session)
        else if (session.kind === 'refresh') refreshes.sessions.take(session)
        else {
          signings.note(session.state)
          signings.sessions.take(session)
        }
      }
    },
    async close() {
      health.close()
      await Promise.all([keygens.sessions.close(), signings.sessions.close(), refreshes.sessions.close()])
    },
  }
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Refusal && (error.code === 'key.not_found' || error.code === 'request.not_found')
