import { testStreams } from '@quorate/shared/linux/self-test'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import type { Config } from './config.ts'
import { createCoordinator } from './commands/coordinator.ts'
import { createEnclaveEvents } from './hosts/enclaves/enclave-events.ts'
import type { Enclaves } from './hosts/enclaves/enclaves.ts'
import { createEnclaves } from './hosts/enclaves/pool.ts'
import { createEvents, type Events } from './events.ts'
import { measureHouse } from './house-metrics.ts'
import { startHttp } from './http/http.ts'
import { createLog } from './log.ts'
import { createHttpEvents } from './http/http-events.ts'
import { createManifestEvents } from './release/manifest-events.ts'
import { startManifests } from './release/start-manifests.ts'
import { createNostrEvents } from './nostr/nostr-events.ts'
import { openStore } from './store/open-store.ts'
import { createStoreEvents } from './store/store-events.ts'
import type { Store } from './store/store.ts'

/** `reload` reads what may change while it runs. */
export type Gateway = Readonly<{
  url: string
  metricsUrl: string
  reload: () => Promise<void>
  close: () => Promise<void>
}>

/** How often what has expired is swept, ms. */
const SWEEP = 60_000

/** How many of the newest audit records are checked at the start. */
const AUDIT_TAIL = 1_000

const clock = Date.now

/** Who is told what happens. */
type Watch = Readonly<{ log: Logger; registry: Registry; events: Events }>

type Inside = Awaited<ReturnType<typeof startInside>>

/**
 * Composes a gateway and opens its doors. Open sessions are taken up again before anybody is served. `close` drains from
 * the outside in: doors, ceremonies, enclaves, store; and resolves when all is written. `open` gives the store.
 */
export async function startGateway(
  config: Config,
  log: Logger = createLog(config.logLevel),
  open: typeof openStore = openStore,
): Promise<Gateway> {
  const registry = new Registry()
  const watch = { log, registry, events: createEvents(log, registry) }
  const inside = await startInside(config, watch, open)
  try {
    await inside.coordinator.start()
    const http = await openDoors(config, watch, inside)
    const { url, metricsUrl } = http
    return { url, metricsUrl, reload: inside.manifests.reload, close: () => http.close().finally(inside.close) }
  } catch (reason) {
    await inside.close()
    throw reason
  }
}

/** Starts what stands behind the doors: store, enclaves, ceremonies and manifests. */
async function startInside(config: Config, { log, registry, events }: Watch, open: typeof openStore) {
  if ([...config.enclaves.values()].some(({ kind }) => kind === 'vsock')) await testStreams()
  const store = await openWatched(config, { log, registry }, open)
  try {
    return await startOver(store, config, { log, registry, events })
  } catch (reason) {
    await store.close()
    throw reason
  }
}

/** The store, with the end of its audit chain checked. A chain that is broken is told of: keys still sign. */
async function openWatched(config: Config, { log, registry }: Pick<Watch, 'log' | 'registry'>, open: typeof openStore) {
  const storeEvents = createStoreEvents(log, registry)
  const { database: path, storageKey } = config
  const store = await open({ path, storageKey, onFault: storeEvents.storeFaulted })
  await store.checkAudit(AUDIT_TAIL).then(storeEvents.auditChecked, storeEvents.auditBroken)
  return store
}

/** Starts what works with the store. */
async function startOver(store: Store, config: Config, { log, registry, events }: Watch) {
  const enclaves = createEnclaves({
    addresses: config.enclaves,
    roots: store,
    events: createEnclaveEvents(log, registry),
  })
  const coordinator = createCoordinator({
    name: config.name,
    store,
    enclaves,
    clock,
    events,
    limits: { roundTimeoutMs: config.roundTimeoutMs },
    nostr: { allowed: config.relays, events: createNostrEvents(log, registry) },
  })
  measureHouse(registry, store)
  const manifestEvents = createManifestEvents(log, registry)
  const manifests = await startManifests(config.manifest, { enclaves, store, clock, events: manifestEvents })
  const stopIntroducing = introduceEarly(enclaves)
  const sweeper = setInterval(() => void store.sweep(clock()).catch(() => undefined), SWEEP)
  const close = async () => {
    clearInterval(sweeper)
    stopIntroducing()
    manifests.close()
    await coordinator.close()
    await enclaves.close()
    await store.close()
  }
  return { store, enclaves, coordinator, manifests, close }
}

const openDoors = (config: Config, { log, registry, events }: Watch, inside: Inside) =>
  startHttp({
    coordinator: inside.coordinator,
    enclaves: inside.enclaves,
    manifests: inside.manifests,
    replies: inside.store,
    fitness: () => inside.store.fitness(),
    events: createHttpEvents(log, registry, events),
    registry,
    clock,
    storageKey: config.storageKey,
    listen: config.listen,
    metricsListen: config.metricsListen,
    publicUrl: config.publicUrl,
    nostrKey: config.nostrKey,
    timeouts: { idle: config.idleTimeoutMs },
    limits: {
      ratePerMinute: config.rateLimit,
      trustedProxies: config.trustedProxies,
      corsOrigin: config.corsOrigin,
      hsts: config.hsts,
    },
  })

/** Enclaves that are well get to know each other before a keygen waits for it. What fails here, the keygen tries again. */
function introduceEarly(enclaves: Enclaves): () => void {
  return enclaves.subscribe(({ type }) => {
    if (type !== 'ready') return
    const ready = enclaves.ids().filter((id) => enclaves.status(id).state === 'ready')
    void enclaves.introduce(ready).catch(() => undefined)
  })
}
