import { Refusal } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import { MAX_CERTIFICATES } from '@quorate/shared/wire/routes/keys'
import type { BunkerTools } from '../aids/tools.ts'
import { createItems } from '../aids/items.ts'
import { createLease } from '../engine/lease.ts'
import type { EnginePorts, StoredSession } from '../engine/ports.ts'
import { reporting } from '../engine/report.ts'
import { untilReady } from '../engine/until-ready.ts'
import { createHostHealth } from '../hosts/health.ts'
import { livesOf } from '../keys/lives.ts'
import { createKeyCache } from '../keys/key-cache.ts'
import { createEarlyRecall, type EarlyRecallPorts } from '../keys/early-recall.ts'
import { createRecall } from '../keys/recall.ts'
import { Stocks } from '../keys/stocks.ts'
import { Bunkers, type BunkerPorts } from '../nostr/bunkers.ts'
import { offerBunkers } from '../nostr/offered.ts'
import { createKeygens } from './keygen.ts'
import { defaultLimits, type Coordinator, type Ports, type StatusOf } from './ports.ts'
import { createRefreshes } from './refresh.ts'
import { createSignings } from './signing.ts'

const recallEarly = (
  { store, clock, events, enclaves: hosts }: Ports,
  tools: Pick<EarlyRecallPorts, 'keys' | 'recall' | 'timeoutMs'>,
) =>
  createEarlyRecall({
    ...tools,
    store,
    clock,
    hosts,
    recalled: events.hostRecalled,
    failed: reporting(events, 'recall'),
  })

const openBunkers = (
  { store, clock, events, nostr, enclaves: hosts }: Ports,
  tools: Pick<BunkerPorts, 'health' | 'keys' | 'recall' | 'signings' | 'stocks' | 'timeoutMs'>,
) =>
  new Bunkers({
    ...tools,
    store,
    hosts,
    clock,
    nostr,
    hostFailed: events.hostFailed,
    failed: reporting(events, 'bunker'),
  })

/** The bunkers as signings see them, which are there first. */
const toolsOf = (bunkers: () => Bunkers): BunkerTools => ({
  ready: (keyId, host) => bunkers().ready(keyId, host),
  restore: (keyId, host) => bunkers().restore(keyId, host),
  logged: (keyId, signingId, entry) => bunkers().logged(keyId, signingId, entry),
  answered: (signingId, answer) => bunkers().requests.answered(signingId, answer),
})

const countedBy =
  ({ openSessions }: Ports['events']) =>
  (kind: keyof StatusOf) => {
    openSessions({ kind, open: 0 })
    return (open: number) => openSessions({ kind, open })
  }

async function recheckAll(kinds: Kinds['kinds']): Promise<void> {
  await Promise.all(Object.values(kinds).map(({ sessions }) => sessions.recheck()))
}

/** The sessions of every kind, and bunkers. They look for hosts whenever one is well again. */
function createKinds(ports: Ports) {
  const { store, clock, events, enclaves: hosts } = ports
  const limits = { ...defaultLimits, ...ports.limits }
  const timeoutMs = limits.roundTimeoutMs
  const health = createHostHealth(hosts, () => {
    for (const { sessions } of Object.values(kinds)) sessions.wake()
  })
  const lease = createLease({
    store,
    holder: ports.name,
    clock,
    doubted: () => recheckAll(kinds),
    given: (claimed) => takeUp(kinds, claimed, (ids) => untilReady(hosts, ids, timeoutMs)),
    failed: reporting(events, 'lease'),
  })
  const engine: EnginePorts = { store, hosts, health, lease, journal: events, clock, timeoutMs }
  const keys = createKeyCache(store)
  const recall = createRecall(hosts, timeoutMs)
  const stocks = new Stocks({ hosts, loadKey: keys.load, timeoutMs, clock, failed: reporting(events, 'stocks') })
  const items = createItems(store)
  const tools = { hosts, store, keys, items, recall: recall.one, stocks, bunkers: toolsOf(() => bunkers), timeoutMs }
  const counted = countedBy(events)
  const quiet = () => kinds.refresh.sessions.wake()
  const signing = createSignings(ports, engine, limits, tools, { counted: counted('signing'), quiet })
  const { isQuiet, supersede } = signing
  // In the order in which they are taken up: a refresh looks for open signings.
  const kinds = {
    keygen: createKeygens(ports, engine, limits, tools, counted('keygen')),
    signing,
    refresh: createRefreshes(ports, engine, limits, tools, { counted: counted('refresh'), isQuiet, supersede }),
  }
  const early = recallEarly(ports, { keys, recall: recall.many, timeoutMs })
  const bunkers = openBunkers(ports, { ...tools, health, signings: signing.programs })
  return { kinds, keys, health, lease, early, stocks, bunkers }
}
type Kinds = ReturnType<typeof createKinds>

/** The reader key of a key, or of a keygen that has not made it yet; null when there is neither. */
async function readerKey({ kinds, keys }: Kinds, keyId: KeyId): Promise<string | null> {
  try {
    return (await keys.load(keyId)).verified.certificate.roster.skeleton.readerKey
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  return kinds.keygen.readerKey(keyId).catch((error: unknown) => {
    if (isNotFound(error)) return null
    throw error
  })
}

async function lives({ keys }: Kinds, { enclaves }: Pick<Ports, 'enclaves'>, keyId: KeyId): Promise<string[]> {
  try {
    return livesOf(enclaves, (await keys.load(keyId)).verified)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

/** Takes up what was claimed, once the hosts that it waits for are reached. */
async function takeUp(
  kinds: Kinds['kinds'],
  claimed: readonly StoredSession[],
  reached: (hosts: readonly HostId[]) => Promise<void>,
): Promise<void> {
  const open = Object.entries(kinds).flatMap(([name, { sessions }]) =>
    claimed.filter(({ kind }) => kind === name).map((session) => ({ session, sessions })),
  )
  await reached(open.flatMap(({ session, sessions }) => sessions.awaited(session)))
  for (const { session, sessions } of open) sessions.take(session)
}

/** Joins the ceremonies over one store and one set of hosts. Nothing runs before `start`. */
export function createCoordinator(ports: Ports): Coordinator {
  const all = createKinds(ports)
  const { kinds, keys, health, lease, early, stocks, bunkers } = all
  return {
    ...kinds.keygen.offered,
    ...kinds.signing.offered,
    ...kinds.refresh.offered,
    ...offerBunkers(bunkers),
    key: async (keyId) => (await keys.load(keyId)).record.certificate,
    epochs: async (keyId, epoch) => {
      await keys.load(keyId)
      return ports.store.epochs(keyId, epoch, MAX_CERTIFICATES)
    },
    readerKey: (keyId) => readerKey(all, keyId),
    lives: (keyId) => lives(all, ports, keyId),
    follow: {
      keygen: kinds.keygen.sessions.following,
      signing: kinds.signing.sessions.following,
      refresh: kinds.refresh.sessions.following,
    },
    async start() {
      await bunkers.load()
      await lease.claim()
      await bunkers.start()
    },
    async close() {
      health.close()
      await bunkers.close()
      await early.close()
      await stocks.close()
      await Promise.all(Object.values(kinds).map(({ sessions }) => sessions.close()))
      await lease.close()
    },
  }
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Refusal && (error.code === 'key.not_found' || error.code === 'request.not_found')
