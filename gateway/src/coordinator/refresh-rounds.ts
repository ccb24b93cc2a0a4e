import { setTimeout as rest } from 'node:timers/promises'
import { Refusal } from '@quorate/shared/errors'
import { digestOf, verifyBody } from '@quorate/shared/seal/sign'
import { succeeds } from '@quorate/shared/verify/refresh'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import { effects, hasEnded, isInForce, transition } from '../refresh/machine.ts'
import type { RefreshEffect, RefreshEvent, RefreshSession } from '../refresh/session.ts'
import { roundOf, type RoundEffect } from '../rounds/rounds.ts'
import type { AuditRecord, KeyStep } from '../store/store.ts'
import type { Behaviour, Versioned } from './actor.ts'
import { afterMending, reportFailed } from './failures.ts'
import type { HostHealth } from './host-health.ts'
import type { KeyCache } from './key-cache.ts'
import { createIntroducing, heard, playRound } from './play-round.ts'
import type { Ports } from './ports.ts'
import type { Recall } from './recall.ts'
import { restoreShare } from './restore-share.ts'
import { untilReached } from './under-way.ts'

export type RefreshTools = Readonly<{
  ports: Ports
  health: HostHealth
  keys: KeyCache
  recall: Recall
  timeoutMs: number
}>
type Installing = Extract<RefreshSession['phase'], { name: 'installing' }>
type Asked = Exclude<RefreshEffect, { type: 'find_hosts' }>
type Step = Extract<RefreshEffect, { type: 'prepare' | 'install' }>

const FIRST_REST_MS = 100
const LONGEST_REST_MS = 1_000
/** What goes on until it has come to an end is kept, whatever its deadline was. */
const NEVER = 8_640_000_000_000_000

/** Gives the enclave the share of the epoch in force. */
const restored = ({ ports, keys, timeoutMs }: RefreshTools, id: EnclaveId, s: RefreshSession, index: number) =>
  restoreShare({ enclaves: ports.enclaves, loadKey: keys.load, timeoutMs }, id, s.keyId, index)

async function askRound(
  tools: RefreshTools,
  s: RefreshSession,
  effect: RoundEffect,
  id: EnclaveId,
  introduced: (attempt: number) => Promise<void>,
): Promise<RefreshEvent> {
  const { verified } = await tools.keys.load(s.keyId)
  const { refreshId, request } = s
  const call = tools.ports.enclaves.call.bind(tools.ports.enclaves)
  const signKey = verified.certificate.roster.skeleton.participants[effect.index - 1]?.host.identity.signKey
  if (signKey === undefined) throw new Refusal('internal')
  return playRound(effect, {
    signKey,
    round1: async (place) => {
      await introduced(place.attempt)
      return afterMending(
        'key.unknown',
        () => restored(tools, id, s, place.index),
        () => call(id, 'refresh.round1', { ...place, request }, tools.timeoutMs),
      )
    },
    round2: (round) => call(id, 'refresh.round2', { refreshId, ...round }, tools.timeoutMs),
    round3: (round) => call(id, 'refresh.round3', { refreshId, ...round }, tools.timeoutMs),
    accepts: (body) => succeeds(verified, body),
  })
}

/** Has a host prepare or install the new epoch. Its word is checked here, so that a wrong one is asked for again. */
async function askStep(tools: RefreshTools, s: RefreshSession, effect: Step, id: EnclaveId): Promise<RefreshEvent> {
  const { index, certificate } = effect
  const { ports, timeoutMs } = tools
  const record = await ports.store.loadKeyAt(s.keyId, certificate.body.epoch)
  const sealedShare = record?.shares.find((one) => one.index === index)?.sealed
  const signKey = certificate.body.roster.skeleton.participants[index - 1]?.host.identity.signKey
  if (sealedShare === undefined || signKey === undefined) throw new Refusal('internal')
  const params = { certificate, index, sealedShare }
  const mend = () => restored(tools, id, s, index)
  if (effect.type === 'prepare') {
    const call = () => ports.enclaves.call(id, 'refresh.prepare', params, timeoutMs)
    const holders = s.hosts.map((enclaveId, at) => ({ enclaveId, index: at + 1 }))
    const recall = () => tools.recall({ index, enclaveId: id }, s.keyId, holders)
    const { prepared } = await afterMending('epoch.unproven', recall, () => afterMending('key.unknown', mend, call))
    if (!(await verifyBody(signKey, 'prepared', prepared))) throw new Refusal('receipt.invalid', [index])
    return { type: 'prepared', index, prepared }
  }
  const given = { ...params, prepared: [...effect.prepared] }
  const call = () => ports.enclaves.call(id, 'refresh.install', given, timeoutMs)
  const { installed } = await afterMending('key.unknown', mend, call)
  const same = installed.body.preparedDigest === digestOf('prepared-all', effect.prepared)
  if (!same || !(await verifyBody(signKey, 'installed', installed))) throw new Refusal('receipt.invalid', [index])
  return { type: 'installed', index, installed }
}

/** A host that is away is asked again when it is back; one that could not answer yet, after a while. */
async function restFor({ ports: { enclaves } }: RefreshTools, id: EnclaveId, tries: number): Promise<void> {
  const ms = Math.min(FIRST_REST_MS * 2 ** (tries - 1), LONGEST_REST_MS)
  if (enclaves.status(id).state === 'ready') await rest(ms, undefined, { ref: false })
  else await untilReached(enclaves, [id], LONGEST_REST_MS)
}

/** Answers become events. */
async function perform(
  tools: RefreshTools,
  introduced: (attempt: number) => Promise<void>,
  s: RefreshSession,
  effect: Asked,
): Promise<RefreshEvent> {
  const { attempt, index } = effect
  const enclaveId = s.hosts[index - 1]
  const isStep = effect.type === 'prepare' || effect.type === 'install'
  if (enclaveId === undefined) throw new Refusal('internal')
  if (isStep && effect.tries > 0) await restFor(tools, enclaveId, effect.tries)
  // One that is stuck is asked for nothing before it has answered a hello.
  if (isStep && !tools.health.available().includes(enclaveId))
    return { type: 'refused', attempt, index, code: 'enclave.unreachable', culprits: [] }
  return heard(tools, { where: 'refresh', attempt, index, enclaveId }, () =>
    isStep ? askStep(tools, s, effect, enclaveId) : askRound(tools, s, effect, enclaveId, introduced),
  )
}

const sameWords = (a: Installing, b: Installing): boolean =>
  digestOf('prepared-all', a.prepared) === digestOf('prepared-all', b.prepared)

function auditOf(before: RefreshSession | null, after: RefreshSession, at: number): AuditRecord[] {
  const { phase, keyId, refreshId, attempt, request } = after
  const record = (event: string, detail: AuditRecord['detail']) => [{ at, event, keyId, sessionId: refreshId, detail }]
  if (phase.name === 'failed') return record('refresh.failed', { attempt, code: phase.code, culprits: phase.culprits })
  if (phase.name === 'completed') return record('refresh.completed', { installed: phase.installed })
  if (phase.name === 'installing' && !(before?.phase.name === 'installing' && sameWords(before.phase, phase)))
    return record('refresh.prepared', {
      certificate: digestOf('certificate', phase.certificate.body),
      prepared: phase.prepared,
    })
  if (before === null || attempt > before.attempt) return record('refresh.begun', { attempt, request })
  return []
}

/** What becomes of the key in the write of `after`. */
function keyStepOf(before: RefreshSession | null, { phase }: RefreshSession): KeyStep | null {
  switch (phase.name) {
    case 'preparing': {
      const { certificate, shares } = phase
      const isKept = shares.length === 0 || before?.phase.name === 'preparing'
      return isKept ? null : { step: 'certified', record: { certificate, shares } }
    }
    case 'installing': {
      const { epoch } = phase.certificate.body
      return before !== null && isInForce(before) ? null : { step: 'installing', epoch }
    }
    case 'completed':
      return { step: 'retired', epoch: phase.certificate.body.epoch }
    case 'gathering':
    case 'refreshing':
    case 'failed':
      return null
  }
}

/** Sealed shares stand with the key alone, where those of an epoch that is over are deleted. */
const withoutShares = (s: RefreshSession): RefreshSession =>
  s.phase.name === 'preparing' ? { ...s, phase: { ...s.phase, shares: [] } } : s

/** A single answer, and one that was none: who gave it gives it again. */
function isPartial({ phase }: RefreshSession, event: RefreshEvent): boolean {
  switch (event.type) {
    case 'round_one_sent':
    case 'round_two_sent':
    case 'certified':
      return phase.name === 'refreshing' && phase.round.name === roundOf[event.type]
    case 'prepared':
      return phase.name === 'preparing'
    case 'installed':
      return phase.name === 'installing'
    case 'refused':
      return phase.name === 'preparing' || phase.name === 'installing'
    case 'hosts_seen':
    case 'time_passed':
      return false
  }
}

/** Installing is owed for what the hosts say now: asked over other words, it is another question. */
function nameOf(effect: RefreshEffect): string | null {
  switch (effect.type) {
    case 'find_hosts':
      return null
    case 'round1':
    case 'round2':
    case 'round3':
      return `${effect.type}/${effect.attempt}/${effect.index}`
    case 'prepare':
      return `prepare/${effect.index}/${effect.tries}`
    case 'install':
      return `install/${effect.index}/${effect.tries}/${digestOf('prepared-all', effect.prepared)}`
  }
}

/** How a refresh is driven: see `Actor`. */
export function refreshBehaviour(
  tools: RefreshTools,
  refreshId: string,
  saved: (now: Versioned<RefreshSession>) => void,
): Behaviour<RefreshSession, RefreshEvent, RefreshEffect> {
  const { ports, health, keys } = tools
  const { store, clock, events } = ports
  const begun = clock()
  let introduced: ((attempt: number) => Promise<void>) | null = null
  return {
    ...{ transition, effects, hasEnded, clock, isPartial, nameOf },
    saved: (now) => {
      if (isInForce(now.state)) keys.forget(now.state.keyId)
      saved(now)
    },
    expiresAt: (s) => s.request.body.expiresAt,
    timePassed: (now) => ({ type: 'time_passed', now }),
    answer: (_, effect) =>
      effect.type === 'find_hosts' ? { type: 'hosts_seen', available: health.available() } : null,
    perform: (s, effect) => {
      if (effect.type === 'find_hosts') throw new Refusal('internal')
      introduced ??= createIntroducing(ports, s.hosts)
      return perform(tools, introduced, s, effect)
    },
    async save(before, after, expected) {
      const audit = auditOf(before, after, clock())
      const key = keyStepOf(before, after)
      const version = await store.save({
        kind: 'refresh',
        id: refreshId,
        keyId: after.keyId,
        expected,
        state: withoutShares(after),
        ended: hasEnded(after),
        expiresAt: isInForce(after) ? NEVER : after.request.body.expiresAt,
        durable: audit.length > 0 || key !== null,
        audit,
        ...(key ? { key } : {}),
      })
      report(events, after, audit, (clock() - begun) / 1_000)
      return version
    },
    load: () => store.loadSession('refresh', refreshId),
    failed: reportFailed(events, 'refresh'),
  }
}

function report(events: Ports['events'], s: RefreshSession, audit: readonly AuditRecord[], seconds: number): void {
  const { keyId, refreshId, attempt, phase } = s
  if (phase.name === 'refreshing' && audit.length > 0) events.refreshAttempted({ keyId, refreshId, attempt })
  if (!hasEnded(s)) return
  const { code, culprits } = phase.name === 'failed' ? phase : { code: null, culprits: [] }
  events.refreshEnded({ keyId, refreshId, state: phase.name, code, culprits, seconds })
}
