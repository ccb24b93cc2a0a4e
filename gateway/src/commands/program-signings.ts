import { once } from 'node:events'
import { Refusal } from '@quorate/shared/errors'
import { requireOfEvent, sealedEvent } from '@quorate/shared/verify/client-request'
import type { SigningId } from '@quorate/shared/wire/ids'
import type { SigningReceipt } from '@quorate/shared/wire/signing'
import { weightOf } from '../aids/items.ts'
import { isOfProgram, type SigningSession } from '../courses/signing-terms.ts'
import { signingCourse } from '../courses/signing.ts'
import { hasEnded, transition } from '../engine/machine.ts'
import { seatsAt } from '../keys/stocks.ts'
import type { ProgramOutcome, ProgramRequest, ProgramSignings, SignedAhead } from '../nostr/ports.ts'
import { begun, type Context } from './signing-context.ts'

/** Long enough for hosts that are well to confirm what they have signed. */
const CONFIRMS_MS = 5_000

/** Null while the signing has not ended. */
function outcomeOf({ stage }: SigningSession): ProgramOutcome | null {
  switch (stage.name) {
    case 'waiting':
    case 'asking':
      return null
    case 'completed':
      return stage.result.answer ? { answer: stage.result.answer } : { code: 'signing.invalid_signature' }
    case 'failed':
      return { code: stage.code }
    case 'expired':
      return { code: 'signing.expired' }
  }
}

/** At its first attempt, where hosts have signed ahead: what is written first is then the beginning of that. */
function withQuorum(s: SigningSession, now: number, ahead: SignedAhead | null): SigningSession {
  if (ahead === null) return s
  const hosts = seatsAt(
    s.seats,
    ahead.commitments.map(({ body }) => body.index),
  ).map(({ host }) => host)
  return transition(signingCourse, s, { type: 'hosts_seen', available: [...new Set(hosts)], now, ready: ahead })
}

/** A host that lies about what an event asks for begins nothing, since the request follows from the event. */
async function begin(
  { loadKey, limits, sessions, directory, items: kept, share, ports, logged }: Context,
  { event, signer, request, willing, approvals, ahead }: ProgramRequest,
): Promise<void> {
  const { signingId, keyId, items } = request.body
  const { verified } = await loadKey(keyId)
  const sealedItems = [sealedEvent(event)]
  const requestDigest = requireOfEvent(verified, request, signer, event)
  if (sessions.drives(signingId)) return
  const own = {
    request,
    requestDigest,
    willing,
    weight: weightOf(sealedItems),
    approvals: Object.fromEntries(approvals.map((approval) => [approval.body.index, approval])),
  }
  for (const one of Object.values(ahead?.said ?? {})) if (one !== undefined) logged(keyId, signingId, one.entry)
  const state = share(withQuorum(begun(verified, own), ports.clock(), ahead))
  directory.hold(state, limits)
  kept.note(signingId, sealedItems)
  try {
    await sessions.insert(signingId, state, sealedItems)
    ports.events.signingRequested({ signingId, keyId, items: items.length })
  } catch (error) {
    if (!sessions.drives(signingId)) directory.forget(state)
    // It was begun before: its outcome is what counts.
    if (!(error instanceof Refusal) || error.code !== 'session.conflict') throw error
  }
}

/** What the hosts of a signing have confirmed, which they do after its program was answered. */
async function confirmed(
  signingId: SigningId,
  sessions: Context['sessions'],
  onEnded: ProgramSignings['onEnded'],
): Promise<readonly SigningReceipt[]> {
  // Listened to before it is looked: an end in between is not missed.
  const over = new AbortController()
  const stop = onEnded((ended) => {
    if (ended === signingId) over.abort()
  })
  const timer = setTimeout(() => over.abort(), CONFIRMS_MS)
  try {
    const { state } = await sessions.find(signingId)
    if (!hasEnded(state) && !over.signal.aborted) await once(over.signal, 'abort')
    const { stage } = hasEnded(state) ? state : (await sessions.find(signingId)).state
    return stage.name === 'completed' ? stage.result.receipts : []
  } finally {
    stop()
    clearTimeout(timer)
  }
}

/** `saved` hears of every signing that is written. */
export function createProgramSignings(
  context: () => Context,
): Readonly<{ offered: ProgramSignings; saved: (s: SigningSession) => void }> {
  const listeners = new Set<Parameters<ProgramSignings['onEnded']>[0]>()
  const onEnded: ProgramSignings['onEnded'] = (listener) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return {
    saved(s) {
      if (!hasEnded(s) || !isOfProgram(s.own)) return
      const outcome = outcomeOf(s)
      if (outcome !== null) for (const listener of listeners) listener(s.own.request.body.signingId, outcome)
    },
    offered: {
      begin: (asked) => begin(context(), asked),
      outcome: async (signingId: SigningId) => outcomeOf((await context().sessions.find(signingId)).state),
      receipts: (signingId) => confirmed(signingId, context().sessions, onEnded),
      onEnded,
    },
  }
}
