import { once } from 'node:events'
import { Refusal } from '@quorate/shared/errors'
import { requireOfEvent, sealedEvent } from '@quorate/shared/verify/client-request'
import { isCommitmentOf } from '@quorate/shared/verify/quorum'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import type { SigningId } from '@quorate/shared/wire/ids'
import type { FreshCommitment, SigningReceipt } from '@quorate/shared/wire/signing'
import { weightOf } from '../aids/items.ts'
import { isOfProgram, type SigningOwn, type SigningSession } from '../courses/signing-terms.ts'
import { signingCourse } from '../courses/signing.ts'
import { hasEnded, transition } from '../engine/machine.ts'
import type { ProgramOutcome, ProgramRequest, ProgramSignings } from '../nostr/ports.ts'
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

/** At its first attempt, where the hosts of a quorum have committed to it: what is written first is then the beginning of that. */
function withQuorum(s: SigningSession, now: number): SigningSession {
  const available = s.seats.flatMap(({ index, host }) => (s.own.committed?.[index] === undefined ? [] : host))
  return transition(signingCourse, s, { type: 'hosts_seen', available: [...new Set(available)], now })
}

/** By index, the commitments that their hosts have signed. Whoever has sent another is asked in its round, and named there. */
async function soundOf(
  verified: VerifiedKey,
  frame: Parameters<typeof isCommitmentOf>[1],
  commitments: readonly FreshCommitment[],
): Promise<NonNullable<SigningOwn['committed']>> {
  const sound = await Promise.all(
    commitments.map(async (commitment) =>
      (await isCommitmentOf(verified, frame, commitment.body.index, commitment)) ? [commitment] : [],
    ),
  )
  return Object.fromEntries(sound.flat().map((commitment) => [commitment.body.index, { commitment }]))
}

/** A host that lies about what an event asks for begins nothing, since the request follows from the event. */
async function begin(
  { loadKey, limits, sessions, directory, items: kept, share, ports }: Context,
  { event, signer, request, willing, approvals, commitments }: ProgramRequest,
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
    committed: await soundOf(verified, { signingId, requestDigest, attempt: 1 }, commitments),
    weight: weightOf(sealedItems),
    approvals: Object.fromEntries(approvals.map((approval) => [approval.body.index, approval])),
  }
  const state = share(withQuorum(begun(verified, own), ports.clock()))
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
