import { Refusal } from '@quorate/shared/errors'
import { verifyApproval, verifyRequest, type VerifiedKey } from '@quorate/shared/verify/signing'
import { Digest, type KeyId, type SigningId } from '@quorate/shared/wire/ids'
import type { SigningBody, SigningStatus } from '@quorate/shared/wire/routes/signing'
import type { Approval, SigningRequest } from '@quorate/shared/wire/signing'
import type { z } from 'zod'
import { hasEnded } from '../signing/machine.ts'
import type { Holder, SigningEffect, SigningEvent, SigningSession } from '../signing/session.ts'
import type { HostHealth } from './host-health.ts'
import type { LoadKey } from './key-cache.ts'
import type { Coordinator, Limits, Ports, Waiting } from './ports.ts'
import type { Recall } from './recall.ts'
import { Sessions } from './sessions.ts'
import { signingBehaviour } from './signing-rounds.ts'
import { signingStatusOf } from './status.ts'

type Signings = Sessions<'signing', SigningEvent, SigningEffect>

/** Open signings by key, and who waits for one to appear. */
class Directory {
  readonly #byKey = new Map<KeyId, Set<SigningId>>()
  readonly #listeners = new Map<KeyId, Set<() => void>>()

  of(keyId: KeyId): SigningId[] {
    return [...(this.#byKey.get(keyId) ?? [])]
  }

  count(keyId: KeyId): number {
    return this.#byKey.get(keyId)?.size ?? 0
  }

  note(s: SigningSession): void {
    const ids = this.#byKey.get(s.keyId) ?? new Set()
    if (!hasEnded(s)) {
      if (ids.has(s.signingId)) return
      this.#byKey.set(s.keyId, ids.add(s.signingId))
      for (const listener of this.#listeners.get(s.keyId) ?? []) listener()
    } else if (ids.delete(s.signingId) && ids.size === 0) this.#byKey.delete(s.keyId)
  }

  onNew(keyId: KeyId, listener: () => void): () => void {
    const listeners = this.#listeners.get(keyId) ?? new Set()
    this.#listeners.set(keyId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(keyId) === listeners) this.#listeners.delete(keyId)
    }
  }
}

type Context = Readonly<{ ports: Ports; loadKey: LoadKey; limits: Limits; sessions: Signings; directory: Directory }>

/** Whose share could sign, where it is, and until when a standing grant of its owner covers this request. */
function holdersOf({ certificate }: VerifiedKey, { body }: SigningRequest): Holder[] {
  const { skeleton, registrations } = certificate.roster
  const asker = skeleton.participants[body.asker - 1]?.userId
  return skeleton.participants.map(({ index, host }) => {
    const consent = registrations[index - 1]?.body.consent
    const covers =
      consent?.kind === 'standing' &&
      asker !== undefined &&
      consent.grant.askers.includes(asker) &&
      body.items.every(({ type }) => consent.grant.content.includes(type))
    return { index, enclaveId: host.identity.enclaveId, standing: covers ? consent.grant.until : null }
  })
}

/** The same request again gives the session that it began. */
async function known(context: Context, { request, sealedItems }: z.output<typeof SigningBody>) {
  const now = await context.sessions.find(request.body.signingId)
  const { state } = now
  const same =
    state.request.signature === request.signature &&
    state.sealedItems.length === sealedItems.length &&
    state.sealedItems.every((item, at) => item === sealedItems[at])
  if (!same) throw new Refusal('session.conflict')
  return signingStatusOf(now)
}

async function requestSigning(context: Context, body: z.output<typeof SigningBody>): Promise<SigningStatus> {
  const { ports, loadKey, limits, sessions, directory } = context
  const { request, sealedItems } = body
  const { signingId, keyId, expiresAt, items } = request.body
  const { verified } = await loadKey(keyId)
  const now = ports.clock()
  const requestDigest = Digest.parse(await verifyRequest(verified, request, now))
  if (items.length !== sealedItems.length) throw new Refusal('request.invalid')
  if (expiresAt > now + limits.signingTtlMs) throw new Refusal('request.invalid')
  if (sessions.opened(signingId) !== null) return known(context, body)
  if (directory.count(keyId) >= limits.openSigningsPerKey) throw new Refusal('request.rate_limited')
  const state: SigningSession = {
    signingId,
    keyId,
    requestDigest,
    request,
    sealedItems,
    threshold: verified.certificate.roster.skeleton.threshold,
    holders: holdersOf(verified, request),
    approvals: {},
    excluded: {},
    attempt: 0,
    phase: { name: 'collecting_participants' },
  }
  try {
    const begun = await sessions.insert(signingId, state)
    ports.events.signingRequested({ signingId, keyId, items: items.length })
    return signingStatusOf(begun)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'session.conflict') return known(context, body)
    throw error
  }
}

async function approve(context: Context, signingId: SigningId, approval: Approval): Promise<SigningStatus> {
  const { ports, loadKey, sessions } = context
  const { state } = await sessions.find(signingId)
  const { verified } = await loadKey(state.keyId)
  await verifyApproval(verified, state.requestDigest, approval, ports.clock())
  const { index, decision } = approval.body
  const now = await sessions.post(signingId, { type: 'decided', approval })
  const kept = now.state.approvals[index]
  if (kept?.body.decision !== decision) throw new Refusal('session.conflict')
  if (kept.signature === approval.signature) ports.events.signingDecided({ signingId, index, decision })
  return signingStatusOf(now)
}

async function waitSignings(context: Context, keyId: KeyId, { ms, signal }: Omit<Waiting, 'after'>) {
  const { sessions, directory } = context
  await context.loadKey(keyId)
  if (directory.count(keyId) === 0) await sessions.until(ms, signal, (stop) => directory.onNew(keyId, stop))
  return openSignings(context, keyId)
}

const openSignings = ({ sessions, directory }: Context, keyId: KeyId): SigningStatus[] =>
  directory.of(keyId).flatMap((id) => {
    const now = sessions.opened(id)
    return now && now.version > 0 ? [signingStatusOf(now)] : []
  })

/** Everything about signings that the coordinator offers, and the sessions behind it. */
export function createSignings(
  ports: Ports,
  health: HostHealth,
  limits: Limits,
  { loadKey, recall }: Readonly<{ loadKey: LoadKey; recall: Recall }>,
  counted: () => void,
) {
  const timeoutMs = limits.roundTimeoutMs
  const tools = { ports, health, loadKey, recall, timeoutMs }
  const directory = new Directory()
  const sessions: Signings = new Sessions({
    kind: 'signing',
    store: ports.store,
    behaviourOf: (id, saved) =>
      signingBehaviour(tools, id, (now) => {
        directory.note(now.state)
        saved(now)
      }),
    statusOf: signingStatusOf,
    counted,
    hasEnded,
  })
  const context = { ports, loadKey, limits, sessions, directory }
  const offered = {
    requestSigning: (body) => requestSigning(context, body),
    approve: (signingId, approval) => approve(context, signingId, approval),
    signingStatus: async (signingId) => signingStatusOf(await sessions.find(signingId)),
    openSignings: async (keyId) => {
      await loadKey(keyId)
      return openSignings(context, keyId)
    },
    waitSigning: (signingId, waiting) => sessions.wait(signingId, waiting),
    waitSignings: (keyId, waiting) => waitSignings(context, keyId, waiting),
  } satisfies Partial<Coordinator>
  return {
    sessions,
    offered,
    note: (s: SigningSession) => directory.note(s),
    wake: () => sessions.wake(({ phase }) => phase.name === 'collecting_participants'),
  }
}
