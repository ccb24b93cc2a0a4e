import { Refusal } from '@quorate/shared/errors'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import { effects, hasEnded, transition } from '../signing/machine.ts'
import type { SigningEffect, SigningEvent, SigningSession } from '../signing/session.ts'
import type { AuditRecord } from '../store/store.ts'
import type { Behaviour, Versioned } from './actor.ts'
import { afterMending, refusalOf, reportFailed } from './failures.ts'
import type { HostHealth } from './host-health.ts'
import type { LoadKey } from './key-cache.ts'
import type { Ports } from './ports.ts'
import type { Recall } from './recall.ts'
import { restoreShare } from './restore-share.ts'

type Tools = Readonly<{ ports: Ports; health: HostHealth; loadKey: LoadKey; recall: Recall; timeoutMs: number }>
type Asked = Exclude<SigningEffect, { type: 'choose_quorum' | 'fix_package' }>

/** One participant's part of one step, at its enclave. */
async function ask(
  { ports, timeoutMs }: Tools,
  id: EnclaveId,
  s: SigningSession,
  effect: Asked,
): Promise<SigningEvent> {
  const { attempt, index } = effect
  const { enclaves } = ports
  const of = { signingId: s.signingId, attempt, index }
  switch (effect.type) {
    case 'commit': {
      const approvals = [...effect.approvals]
      const params = { attempt, index, request: s.request, sealedItems: [...s.sealedItems], approvals }
      const { commitment } = await enclaves.call(id, 'sign.commit', params, timeoutMs)
      return { type: 'committed', attempt, index, commitment }
    }
    case 'partial': {
      const params = { ...of, approvals: [...effect.approvals], commitments: [...effect.commitments] }
      const { partial } = await enclaves.call(id, 'sign.partial', params, timeoutMs)
      return { type: 'signed', attempt, index, partial }
    }
    case 'aggregate': {
      const params = { ...of, partials: [...effect.partials] }
      const { results } = await enclaves.call(id, 'sign.aggregate', params, timeoutMs)
      return { type: 'aggregated', attempt, results }
    }
    case 'confirm': {
      const params = { ...of, results: [...effect.results] }
      const { receipt } = await enclaves.call(id, 'sign.confirm', params, timeoutMs)
      return { type: 'confirmed', attempt, index, receipt }
    }
  }
}

/** Answers become events; an enclave that is not well is remembered. */
async function perform(tools: Tools, s: SigningSession, effect: SigningEffect): Promise<SigningEvent> {
  if (effect.type === 'choose_quorum' || effect.type === 'fix_package') throw new Refusal('internal')
  const { health } = tools
  const { attempt, index } = effect
  const enclaveId = s.holders.find((holder) => holder.index === index)?.enclaveId
  try {
    if (!enclaveId) throw new Refusal('internal')
    const { ports, loadKey, timeoutMs } = tools
    const load = () => restoreShare({ enclaves: ports.enclaves, loadKey, timeoutMs }, enclaveId, s.keyId, index)
    const recall = () => tools.recall({ index, enclaveId }, s.keyId, s.holders)
    const event = await afterMending('epoch.unproven', recall, () =>
      afterMending('key.unknown', load, () => ask(tools, enclaveId, s, effect)),
    )
    health.worked(enclaveId)
    return event
  } catch (error) {
    const cause = (await isBehind(tools, s, error)) ? new Refusal('enclave.busy') : error
    return { type: 'refused', attempt, index, ...refusalOf(tools, { where: 'signing', enclaveId, error: cause }) }
  }
}

/** The request names the epoch in force, and this host has not installed it yet: it is about to, and rests until then. */
async function isBehind({ loadKey }: Tools, s: SigningSession, error: unknown): Promise<boolean> {
  if (!(error instanceof Refusal) || error.code !== 'epoch.stale') return false
  const key = await loadKey(s.keyId).catch(() => null)
  return key?.verified.digest === s.request.body.certificateDigest
}

/** What is about to be done, with the words of those who agreed to it; and what came of it. */
function auditOf(before: SigningSession | null, after: SigningSession, at: number): AuditRecord[] {
  const { phase, keyId, signingId, attempt, request, requestDigest } = after
  const record = (event: string, detail: AuditRecord['detail']) => [{ at, event, keyId, sessionId: signingId, detail }]
  if (phase.name === 'generating_nonces' && attempt > (before?.attempt ?? 0)) {
    const approvals = phase.quorum.flatMap((index) => after.approvals[index] ?? [])
    return record('signing.begun', { attempt, requestDigest, request, quorum: phase.quorum, approvals })
  }
  if (phase.name === 'completed')
    return record('signing.completed', { attempt, requestDigest, receipts: phase.receipts })
  if (phase.name === 'failed')
    return record('signing.failed', { attempt, requestDigest, code: phase.code, culprits: phase.culprits })
  return []
}

/**
 * Within an attempt every host gives the same answer when it is asked again, or says that the nonce is spent. So what must be
 * remembered is who agreed, that an attempt began, and how the signing ended; the rounds between can be walked again.
 */
const isPartial = (after: SigningSession, event: SigningEvent): boolean =>
  'attempt' in event && event.type !== 'refused' && event.attempt === after.attempt && !hasEnded(after)

function answer({ ports, health }: Tools, effect: SigningEffect): SigningEvent | null {
  switch (effect.type) {
    case 'choose_quorum':
      return { type: 'hosts_seen', available: health.available(), now: ports.clock() }
    case 'fix_package':
      return { type: 'package_fixed', attempt: effect.attempt }
    case 'commit':
    case 'partial':
    case 'aggregate':
    case 'confirm':
      return null
  }
}

/** How a signing is driven: see `Actor`. */
export function signingBehaviour(
  tools: Tools,
  signingId: string,
  saved: (now: Versioned<SigningSession>) => void,
): Behaviour<SigningSession, SigningEvent, SigningEffect> {
  const { store, clock, events } = tools.ports
  let begun: number | null = null
  return {
    transition,
    effects,
    hasEnded,
    clock,
    isPartial,
    saved,
    expiresAt: (s) => s.request.body.expiresAt,
    timePassed: (now) => ({ type: 'time_passed', now }),
    answer: (_, effect) => answer(tools, effect),
    nameOf: (effect) => ('index' in effect ? `${effect.type}/${effect.attempt}/${effect.index}` : null),
    perform: (s, effect) => perform(tools, s, effect),
    async save(before, after, expected) {
      const audit = auditOf(before, after, clock())
      if (after.attempt > 0) begun ??= clock()
      const version = await store.save({
        kind: 'signing',
        id: signingId,
        keyId: after.keyId,
        expected,
        state: after,
        ended: hasEnded(after),
        expiresAt: after.request.body.expiresAt,
        durable: audit.length > 0,
        audit,
      })
      report(events, after, audit, begun === null ? 0 : (clock() - begun) / 1_000)
      return version
    },
    load: () => store.loadSession('signing', signingId),
    failed: reportFailed(events, 'signing'),
  }
}

function report(events: Ports['events'], s: SigningSession, audit: readonly AuditRecord[], seconds: number): void {
  const { signingId, keyId, attempt, phase } = s
  if (phase.name === 'generating_nonces' && audit.length > 0)
    events.signingAttempted({ signingId, attempt, quorum: phase.quorum })
  if (!hasEnded(s)) return
  const { code, culprits } = phase.name === 'failed' ? phase : { code: null, culprits: [] }
  events.signingEnded({ signingId, keyId, attempts: attempt, state: phase.name, code, culprits, seconds })
}
