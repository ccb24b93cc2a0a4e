import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/seal/sign'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Roster, Skeleton } from '@quorate/shared/wire/keygen'
import { deadlineOf, effects, hasEnded, transition } from '../keygen/machine.ts'
import type { KeygenEffect, KeygenEvent, KeygenSession, Registered, SealedInit } from '../keygen/session.ts'
import { roundOf, type RoundEffect, type RoundEvent } from '../rounds/rounds.ts'
import type { AuditRecord, KeyRecord } from '../store/store.ts'
import type { Behaviour, Versioned } from './actor.ts'
import { afterMending, reportFailed } from './failures.ts'
import type { HostHealth } from './host-health.ts'
import { createIntroducing, heard, playRound } from './play-round.ts'
import type { Ports } from './ports.ts'

type Generating = Extract<KeygenSession['phase'], { name: 'key_generation' }>
type Knows = Readonly<{
  skeleton: Skeleton
  inits: readonly SealedInit[]
  registrations: Record<number, Registered | undefined>
}>
type Tools = Readonly<{ ports: Ports; health: HostHealth; timeoutMs: number }>

/** Tells an enclave again what it knew of this keygen before it restarted. */
async function restoreKeygen({ ports, timeoutMs }: Tools, enclaveId: EnclaveId, knows: Knows): Promise<void> {
  const { skeleton, inits, registrations } = knows
  const sealed = inits.find((init) => init.enclaveId === enclaveId)?.sealed ?? ''
  await ports.enclaves.call(enclaveId, 'keygen.init', { skeleton, sealed }, timeoutMs)
  for (const { index, host } of skeleton.participants) {
    const registered = registrations[index]
    if (host.identity.enclaveId !== enclaveId || !registered) continue
    const params = { keyId: skeleton.keyId, sealed: registered.sealed }
    await ports.enclaves.call(enclaveId, 'keygen.register', params, timeoutMs)
  }
}

/** Runs `call`, and once more after the enclave has been told of the keygen, should it have forgotten. */
export const withKeygen = <T>(tools: Tools, enclaveId: EnclaveId, knows: Knows, call: () => Promise<T>): Promise<T> =>
  afterMending('keygen.unknown', () => restoreKeygen(tools, enclaveId, knows), call)

function rosterOf({ places }: KeygenSession, { skeleton, registrations }: Generating): Roster {
  const receipts = places.flatMap(({ index }) => registrations[index]?.receipt ?? [])
  return { skeleton, registrations: receipts }
}

/** One participant's part of one round, at its enclave. */
function ask(
  tools: Tools,
  s: KeygenSession,
  phase: Generating,
  effect: RoundEffect,
  introduced: (attempt: number) => Promise<void>,
): Promise<RoundEvent> {
  const host = s.places[effect.index - 1]?.host
  if (!host) throw new Refusal('internal')
  const { enclaveId, signKey } = host
  const { keyId } = s
  const { enclaves } = tools.ports
  const roster = rosterOf(s, phase)
  return playRound(effect, {
    signKey,
    round1: async (place) => {
      await introduced(place.attempt)
      const params = { keyId, ...place, roster }
      const call = () => enclaves.call(enclaveId, 'keygen.round1', params, tools.timeoutMs)
      return withKeygen(tools, enclaveId, phase, call)
    },
    round2: (round) => enclaves.call(enclaveId, 'keygen.round2', { keyId, ...round }, tools.timeoutMs),
    round3: (round) => enclaves.call(enclaveId, 'keygen.round3', { keyId, ...round }, tools.timeoutMs),
    accepts: (body) => digestOf('roster', body.roster) === digestOf('roster', roster),
  })
}

function auditOf(before: KeygenSession | null, after: KeygenSession, at: number): AuditRecord[] {
  const { phase, keyId } = after
  const record = (event: string, detail: AuditRecord['detail']) => [{ at, event, keyId, sessionId: keyId, detail }]
  const attempt = before?.phase.name === 'key_generation' ? before.phase.attempt : 0
  if (phase.name === 'key_generation' && phase.attempt > attempt)
    return record('keygen.begun', { attempt: phase.attempt, skeleton: digestOf('skeleton', phase.skeleton) })
  if (phase.name === 'completed')
    return record('keygen.completed', { certificate: digestOf('certificate', phase.certificate.body) })
  if (phase.name === 'failed') return record('keygen.failed', { code: phase.code, culprits: phase.culprits })
  return []
}

const isPartial = ({ phase }: KeygenSession, event: KeygenEvent): boolean =>
  phase.name === 'key_generation' &&
  event.type in roundOf &&
  phase.round.name === roundOf[event.type as keyof typeof roundOf]

const recordOf = ({ certificate, shares }: KeyRecord): KeyRecord => ({ certificate, shares })

/** Sealed shares stand with the key alone, where those of an epoch that is over are deleted. */
const withoutShares = (s: KeygenSession): KeygenSession =>
  s.phase.name === 'completed' ? { ...s, phase: { ...s.phase, shares: [] } } : s

async function perform(
  tools: Tools,
  introduced: (attempt: number) => Promise<void>,
  s: KeygenSession,
  effect: KeygenEffect,
): Promise<KeygenEvent> {
  const { phase } = s
  if (effect.type === 'find_hosts' || phase.name !== 'key_generation') throw new Refusal('internal')
  const { attempt, index } = effect
  const enclaveId = s.places[index - 1]?.host.enclaveId
  const asked = { where: 'keygen', attempt, index, enclaveId } as const
  return heard(tools, asked, () => ask(tools, s, phase, effect, introduced))
}

/** How a keygen is driven: see `Actor`. */
export function keygenBehaviour(
  tools: Tools,
  keyId: string,
  saved: (now: Versioned<KeygenSession>) => void,
): Behaviour<KeygenSession, KeygenEvent, KeygenEffect> {
  const { ports, health } = tools
  const { store, clock, events } = ports
  let begun: number | null = null
  let introduced: ((attempt: number) => Promise<void>) | null = null
  return {
    transition,
    effects,
    hasEnded,
    clock,
    isPartial,
    saved,
    expiresAt: deadlineOf,
    timePassed: (now) => ({ type: 'time_passed', now }),
    answer: (_, effect) =>
      effect.type === 'find_hosts' ? { type: 'hosts_seen', available: health.available() } : null,
    nameOf: (effect) => (effect.type === 'find_hosts' ? null : `${effect.type}/${effect.attempt}/${effect.index}`),
    perform: (s, effect) => {
      introduced ??= createIntroducing(
        ports,
        s.places.map(({ host }) => host.enclaveId),
      )
      return perform(tools, introduced, s, effect)
    },
    async save(before, after, expected) {
      const { phase } = after
      const audit = auditOf(before, after, clock())
      const version = await store.save({
        kind: 'keygen',
        id: keyId,
        keyId: after.keyId,
        expected,
        state: withoutShares(after),
        ended: hasEnded(after),
        expiresAt: deadlineOf(after),
        durable: audit.length > 0 || phase.name === 'collecting_participants',
        audit,
        ...(phase.name === 'completed' ? { key: { step: 'made', record: recordOf(phase) } } : {}),
      })
      if (phase.name === 'key_generation') begun ??= clock()
      report(events, after, audit, begun === null ? 0 : (clock() - begun) / 1_000)
      return version
    },
    load: () => store.loadSession('keygen', keyId),
    failed: reportFailed(events, 'keygen'),
  }
}

function report(events: Ports['events'], s: KeygenSession, audit: readonly AuditRecord[], seconds: number): void {
  const { keyId, phase } = s
  if (phase.name === 'key_generation' && audit.length > 0) events.keygenAttempted({ keyId, attempt: phase.attempt })
  if (!hasEnded(s)) return
  const { code, culprits } = phase.name === 'failed' ? phase : { code: null, culprits: [] }
  events.keygenEnded({ keyId, state: phase.name, code, culprits, seconds })
}
