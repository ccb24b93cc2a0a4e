import { Refusal } from '@quorate/shared/errors'
import { digestOf, verifyBody } from '@quorate/shared/seal/sign'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Roster, Skeleton } from '@quorate/shared/wire/keygen'
import { deadlineOf, effects, hasEnded, transition } from '../keygen/machine.ts'
import type { KeygenEffect, KeygenEvent, KeygenSession, Registered, SealedInit } from '../keygen/session.ts'
import type { AuditRecord } from '../store/store.ts'
import type { Behaviour, Versioned } from './actor.ts'
import { afterMending, refusalOf, reportFailed } from './failures.ts'
import type { HostHealth } from './host-health.ts'
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
async function ask(
  tools: Tools,
  s: KeygenSession,
  phase: Generating,
  effect: Exclude<KeygenEffect, { type: 'find_hosts' }>,
  introduced: () => Promise<void>,
): Promise<KeygenEvent> {
  const { attempt, index } = effect
  const { enclaves } = tools.ports
  const host = s.places[index - 1]?.host
  if (!host) throw new Refusal('internal')
  const { enclaveId } = host
  const of = { keyId: s.keyId, index, attempt }
  switch (effect.type) {
    case 'round1': {
      await introduced()
      const params = { ...of, roster: rosterOf(s, phase) }
      const call = () => enclaves.call(enclaveId, 'keygen.round1', params, tools.timeoutMs)
      const { message } = await withKeygen(tools, enclaveId, phase, call)
      return { type: 'round_one_sent', attempt, index, message }
    }
    case 'round2': {
      const params = { ...of, messages: [...effect.messages] }
      const { packages } = await enclaves.call(enclaveId, 'keygen.round2', params, tools.timeoutMs)
      return { type: 'round_two_sent', attempt, index, packages }
    }
    case 'round3': {
      const params = { ...of, packages: [...effect.packages] }
      const given = await enclaves.call(enclaveId, 'keygen.round3', params, tools.timeoutMs)
      const { certificate: body, signature, sealedShare } = given
      const same = digestOf('roster', body.roster) === digestOf('roster', rosterOf(s, phase))
      if (!same || !(await verifyBody(host.signKey, 'certificate', { body, signature })))
        throw new Refusal('keygen.certificate_mismatch', [index])
      const answer = { digest: digestOf('certificate', body), signature, sealedShare }
      return { type: 'certified', attempt, index, body, answer }
    }
  }
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

const inRound = { round_one_sent: 'round1', round_two_sent: 'round2', certified: 'round3' } as const

function isPartial({ phase }: KeygenSession, event: KeygenEvent): boolean {
  return (
    phase.name === 'key_generation' &&
    (event.type === 'round_one_sent' || event.type === 'round_two_sent' || event.type === 'certified') &&
    phase.round.name === inRound[event.type]
  )
}

/** Answers become events; an enclave that is not well is remembered. */
async function perform(
  tools: Tools,
  introduced: () => Promise<void>,
  s: KeygenSession,
  effect: KeygenEffect,
): Promise<KeygenEvent> {
  const { health } = tools
  if (effect.type === 'find_hosts' || s.phase.name !== 'key_generation') throw new Refusal('internal')
  const { attempt, index } = effect
  const enclaveId = s.places[index - 1]?.host.enclaveId
  try {
    const event = await ask(tools, s, s.phase, effect, introduced)
    if (enclaveId) health.worked(enclaveId)
    return event
  } catch (error) {
    return { type: 'refused', attempt, index, ...refusalOf(tools, { where: 'keygen', enclaveId, error }) }
  }
}

/** How a keygen is driven: see `Actor`. */
export function keygenBehaviour(
  tools: Tools,
  keyId: string,
  saved: (now: Versioned<KeygenSession>) => void,
): Behaviour<KeygenSession, KeygenEvent, KeygenEffect> {
  const { ports, health } = tools
  const { store, clock, events, enclaves } = ports
  let begun: number | null = null
  let introduction: { attempt: number; done: Promise<void> } | null = null
  const introduce = (s: KeygenSession, attempt: number) => () => {
    if (introduction?.attempt !== attempt)
      introduction = { attempt, done: enclaves.introduce([...new Set(s.places.map(({ host }) => host.enclaveId))]) }
    return introduction.done
  }
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
    perform: (s, effect) => perform(tools, introduce(s, 'attempt' in effect ? effect.attempt : 0), s, effect),
    async save(before, after, expected) {
      const { phase } = after
      const audit = auditOf(before, after, clock())
      const key = phase.name === 'completed' ? { certificate: phase.certificate, shares: phase.shares } : null
      const version = await store.save({
        kind: 'keygen',
        id: keyId,
        keyId: after.keyId,
        expected,
        state: after,
        ended: hasEnded(after),
        expiresAt: deadlineOf(after),
        durable: audit.length > 0 || phase.name === 'collecting_participants',
        audit,
        ...(key ? { key } : {}),
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
