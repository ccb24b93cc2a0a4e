import { Refusal } from '@quorate/shared/errors'
import { verifyRefreshRequest } from '@quorate/shared/verify/refresh'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import { createQuota, type Quota } from '../bounds/quota.ts'
import { createRefreshAid } from '../aids/refresh.ts'
import type { Tools } from '../aids/tools.ts'
import { isInForce, preparing, refreshCourse } from '../courses/refresh.ts'
import type { RefreshSession, RefreshTerms } from '../courses/refresh-terms.ts'
import type { Superseded } from '../courses/signing-terms.ts'
import type { Versioned } from '../engine/course.ts'
import { begin } from '../engine/machine.ts'
import type { EnginePorts } from '../engine/ports.ts'
import { Sessions } from '../engine/sessions.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import type { Coordinator, Limits, Ports } from './ports.ts'

type Context = Readonly<{
  ports: Ports
  keys: KeyCache
  limits: Limits
  sessions: Sessions<RefreshTerms>
  begun: Quota
}>

const DAY = 86_400_000

/** The same request again gives the session that it began; null when there is none of this id. */
async function known({ sessions }: Context, keyId: KeyId, request: RefreshRequest): Promise<RefreshStatus | null> {
  const now = await sessions.find(request.body.refreshId).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'request.not_found') return null
    throw error
  })
  if (now === null) return null
  if (now.state.keyId !== keyId || now.state.own.request.signature !== request.signature)
    throw new Refusal('session.conflict')
  return refreshCourse.status(now)
}

/**
 * Begins a refresh. The store keeps one open refresh for each key. An epoch that all hosts have certified already is prepared,
 * whoever asked for it: an enclave that has agreed to it, and restarted since, agrees to no other.
 */
async function requestRefresh(context: Context, keyId: KeyId, request: RefreshRequest): Promise<RefreshStatus> {
  const { ports, keys, limits, sessions, begun } = context
  const before = await known(context, keyId, request)
  if (before !== null) return before
  const { refreshId, epoch, expiresAt } = request.body
  // Another gateway may have refreshed it.
  keys.forget(keyId)
  const { verified } = await keys.load(keyId)
  const now = ports.clock()
  await verifyRefreshRequest(verified, request, now)
  if (expiresAt > now + limits.refreshTtlMs) throw new Refusal('request.invalid')
  begun.spend(`${keyId}/${request.body.asker}`)
  const next = await ports.store.loadKeyAt(keyId, epoch + 1)
  const { participants } = verified.certificate.roster.skeleton
  const asked: RefreshSession = {
    id: refreshId,
    keyId,
    seats: participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId })),
    attempt: 0,
    own: { request, away: [] },
    stage: { name: 'waiting' },
  }
  const state = next === null ? asked : begin(refreshCourse, asked, preparing(next.certificate))
  try {
    const begun = await sessions.insert(refreshId, state)
    ports.events.refreshRequested({ refreshId, keyId, epoch })
    return refreshCourse.status(begun)
  } catch (error) {
    // The same request came twice at once, or another refresh of the key is open.
    const same = isConflict(error) ? await known(context, keyId, request) : null
    if (same === null) throw error
    return same
  }
}

const isConflict = (error: unknown): boolean => error instanceof Refusal && error.code === 'session.conflict'

/** What refreshes have to do with signings of the same key: whether any is open, and the end of those that are. */
type Around = Readonly<{
  counted: (open: number) => void
  isQuiet: (keyId: KeyId) => boolean
  supersede: (keyId: KeyId, by: Superseded) => void
}>

/** What people can do in refreshes, and the sessions behind it. */
export function createRefreshes(
  ports: Ports,
  engine: EnginePorts,
  limits: Limits,
  tools: Tools,
  { counted, isQuiet, supersede }: Around,
) {
  const { keys } = tools
  const forgetOld = ({ state }: Versioned<RefreshSession>) => {
    if (!isInForce(state)) return
    keys.forget(state.keyId)
    const { epoch, asker } = state.own.request.body
    supersede(state.keyId, { superseded: { epoch, asker } })
  }
  const sessions = new Sessions<RefreshTerms>({
    course: refreshCourse,
    aid: createRefreshAid(tools, isQuiet),
    ports: engine,
    saved: forgetOld,
    elsewhere: forgetOld,
    counted,
  })
  const begun = createQuota({ of: 'asker', most: limits.refreshesPerAsker, ms: DAY, clock: ports.clock })
  const context = { ports, keys, limits, sessions, begun }
  const offered = {
    requestRefresh: (keyId, request) => requestRefresh(context, keyId, request),
  } satisfies Partial<Coordinator>
  return { sessions, offered }
}
