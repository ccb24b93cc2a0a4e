import { Refusal } from '@quorate/shared/errors'
import { verifyRefreshRequest } from '@quorate/shared/verify/refresh'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import { hasEnded, preparing } from '../refresh/machine.ts'
import type { RefreshEffect, RefreshEvent, RefreshSession } from '../refresh/session.ts'
import type { HostHealth } from './host-health.ts'
import type { KeyCache } from './key-cache.ts'
import type { Coordinator, Limits, Ports } from './ports.ts'
import type { Recall } from './recall.ts'
import { refreshBehaviour } from './refresh-rounds.ts'
import { Sessions } from './sessions.ts'
import { refreshStatusOf } from './status.ts'

type Refreshes = Sessions<'refresh', RefreshEvent, RefreshEffect>
type Context = Readonly<{ ports: Ports; keys: KeyCache; limits: Limits; sessions: Refreshes }>

/** The same request again gives the session that it began; null when there is none of this id. */
async function known({ sessions }: Context, keyId: KeyId, request: RefreshRequest): Promise<RefreshStatus | null> {
  const now = await sessions.find(request.body.refreshId).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'request.not_found') return null
    throw error
  })
  if (now === null) return null
  if (now.state.keyId !== keyId || now.state.request.signature !== request.signature)
    throw new Refusal('session.conflict')
  return refreshStatusOf(now)
}

/**
 * Begins a refresh, one at a time for a key. An epoch that all hosts have certified already is prepared, whoever asked for it:
 * an enclave that has agreed to it, and restarted since, agrees to no other.
 */
async function requestRefresh(context: Context, keyId: KeyId, request: RefreshRequest): Promise<RefreshStatus> {
  const { ports, keys, limits, sessions } = context
  const before = await known(context, keyId, request)
  if (before !== null) return before
  const { refreshId, epoch, expiresAt } = request.body
  const { verified } = await keys.load(keyId)
  const now = ports.clock()
  await verifyRefreshRequest(verified, request, now)
  if (expiresAt > now + limits.refreshTtlMs) throw new Refusal('request.invalid')
  const next = await ports.store.loadKeyAt(keyId, epoch + 1)
  const { participants } = verified.certificate.roster.skeleton
  const state: RefreshSession = {
    ...{ refreshId, keyId, request, attempt: 0 },
    hosts: participants.map(({ host }) => host.identity.enclaveId),
    phase: next === null ? { name: 'gathering', away: [] } : preparing(next.certificate),
  }
  if (sessions.states().some((open) => open.keyId === keyId)) throw new Refusal('session.conflict')
  const begun = await sessions.insert(refreshId, state)
  ports.events.refreshRequested({ refreshId, keyId, epoch })
  return refreshStatusOf(begun)
}

/** Everything about refreshes that the coordinator offers, and the sessions behind it. */
export function createRefreshes(
  ports: Ports,
  health: HostHealth,
  limits: Limits,
  { keys, recall }: Readonly<{ keys: KeyCache; recall: Recall }>,
  counted: () => void,
) {
  const tools = { ports, health, keys, recall, timeoutMs: limits.roundTimeoutMs }
  const sessions: Refreshes = new Sessions({
    kind: 'refresh',
    store: ports.store,
    behaviourOf: (id, saved) => refreshBehaviour(tools, id, saved),
    statusOf: refreshStatusOf,
    counted,
    hasEnded,
  })
  const context = { ports, keys, limits, sessions }
  const offered = {
    requestRefresh: (keyId, request) => requestRefresh(context, keyId, request),
    refreshStatus: async (refreshId) => refreshStatusOf(await sessions.find(refreshId)),
    waitRefresh: (refreshId, waiting) => sessions.wait(refreshId, waiting),
  } satisfies Partial<Coordinator>
  return { sessions, offered, wake: () => sessions.wake(({ phase }) => phase.name === 'gathering') }
}
