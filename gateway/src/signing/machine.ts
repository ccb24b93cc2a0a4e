import type { RefusalCode } from '@quorate/shared/errors'
import type { Approval } from '@quorate/shared/wire/signing'
import {
  chooseQuorum,
  hasWilling,
  isPossible,
  rejecters,
  vouchers,
  withApproval,
  withNewHosts,
  withoutConsent,
} from './consent.ts'
import type { Inbox, SigningEffect, SigningEvent, SigningPhase, SigningSession } from './session.ts'

/** What has failed so often will fail again: another attempt would only spend nonces. */
export const MAX_ATTEMPTS = 8

type Event<T extends SigningEvent['type']> = Extract<SigningEvent, { type: T }>
type Running = Extract<SigningPhase, { quorum: readonly number[] }>
type In<N extends SigningPhase['name']> = Extract<SigningPhase, { name: N }>

/** The host's owner has not agreed, in the eyes of its enclave. */
const lacksConsent: ReadonlySet<RefusalCode> = new Set([
  'consent.missing',
  'consent.invalid',
  'consent.expired',
  'grant.exhausted',
])
/** The culprits lied and are put out; the others may go on without them. */
const namesCheats: ReadonlySet<RefusalCode> = new Set(['signing.bad_partial', 'signing.bad_commitment'])
/** No other quorum would think otherwise of this request. Everything that stands in none of these sets is tried anew. */
const final: ReadonlySet<RefusalCode> = new Set([
  'signing.request_invalid',
  'signing.invalid_signature',
  'content.invalid',
  'content.mismatch',
  'content.not_permitted',
  'certificate.invalid',
  'epoch.stale',
  'seal.invalid',
])

const to = (s: SigningSession, phase: SigningPhase): SigningSession => ({ ...s, phase })
const failed = (s: SigningSession, code: RefusalCode, culprits: readonly number[]): SigningSession =>
  to(s, { name: 'failed', code, culprits })
const again = (s: SigningSession): SigningSession => to(s, { name: 'collecting_participants' })
const missing = (quorum: readonly number[], inbox: Inbox<unknown>): number[] =>
  quorum.filter((index) => !(index in inbox))
const inOrder = <T>(quorum: readonly number[], inbox: Inbox<T>): T[] =>
  quorum.flatMap((index) => (inbox[index] === undefined ? [] : [inbox[index]]))

export const hasEnded = ({ phase }: SigningSession): boolean =>
  phase.name === 'completed' || phase.name === 'failed' || phase.name === 'expired'

/** Total and idempotent: an event that is late, repeated, unsolicited or from a stranger returns `s` itself. */
export function transition(s: SigningSession, event: SigningEvent): SigningSession {
  if (hasEnded(s)) return s
  switch (event.type) {
    case 'decided':
      return decided(s, event.approval)
    case 'hosts_seen':
      return hostsSeen(s, event)
    case 'time_passed':
      return event.now < s.request.body.expiresAt ? s : to(s, { name: 'expired' })
    case 'committed':
    case 'package_fixed':
    case 'signed':
    case 'aggregated':
    case 'confirmed':
    case 'refused':
      return 'quorum' in s.phase && event.attempt === s.attempt ? running(s, s.phase, event) : s
  }
}

function decided(s: SigningSession, approval: Approval): SigningSession {
  const { index, decision, expiresAt } = approval.body
  const known = s.approvals[index]
  if (!s.holders.some((holder) => holder.index === index) || known?.body.decision === 'reject') return s
  const next = withApproval(s, approval)
  if (decision === 'approve') {
    const waiting = s.phase.name === 'collecting_participants'
    // The package of a running attempt is fixed, and who has been put out for good cannot come back.
    if (s.excluded[index]?.final || (known && (!waiting || expiresAt <= known.body.expiresAt))) return s
    return next
  }
  if (index === s.request.body.asker || !isPossible(next)) return failed(next, 'signing.rejected', rejecters(next))
  return 'quorum' in s.phase && s.phase.quorum.includes(index) ? again(next) : next
}

function hostsSeen(before: SigningSession, { available, now }: Event<'hosts_seen'>): SigningSession {
  if (before.phase.name !== 'collecting_participants') return before
  const s = withNewHosts(before, available)
  const quorum = chooseQuorum(s, available, now)
  if (quorum === null) return s
  if (s.attempt >= MAX_ATTEMPTS) return failed(s, 'signing.hosts_lost', [])
  const seen = { askable: available, vouchers: vouchers(s) }
  return { ...s, ...seen, attempt: s.attempt + 1, phase: { name: 'generating_nonces', quorum } }
}

function running(
  s: SigningSession,
  phase: Running,
  event: Exclude<SigningEvent, { type: 'decided' | 'hosts_seen' | 'time_passed' }>,
): SigningSession {
  switch (event.type) {
    case 'committed':
      return phase.name === 'generating_nonces' || phase.name === 'collecting_nonces' ? committed(s, phase, event) : s
    case 'package_fixed':
      return phase.name === 'aggregating_nonces' ? to(s, { ...phase, name: 'generating_partial_signatures' }) : s
    case 'signed':
      return phase.name === 'generating_partial_signatures' || phase.name === 'collecting_partial_signatures'
        ? signed(s, phase, event)
        : s
    case 'aggregated':
      return phase.name === 'finalizing_signature' ? aggregated(s, phase, event) : s
    case 'confirmed':
      return phase.name === 'finalizing_signature' ? confirmed(s, phase, event) : s
    case 'refused':
      return phase.quorum.includes(event.index) ? refused(s, event) : s
  }
}

function committed(
  s: SigningSession,
  phase: In<'generating_nonces' | 'collecting_nonces'>,
  { index, commitment }: Event<'committed'>,
): SigningSession {
  const { quorum } = phase
  const before = phase.name === 'collecting_nonces' ? phase.commitments : {}
  if (!missing(quorum, before).includes(index)) return s
  const commitments = { ...before, [index]: commitment }
  if (missing(quorum, commitments).length > 0) return to(s, { name: 'collecting_nonces', quorum, commitments })
  return to(s, { name: 'aggregating_nonces', quorum, commitments: inOrder(quorum, commitments) })
}

function signed(
  s: SigningSession,
  phase: In<'generating_partial_signatures' | 'collecting_partial_signatures'>,
  { index, partial }: Event<'signed'>,
): SigningSession {
  const { quorum, commitments } = phase
  const before = phase.name === 'collecting_partial_signatures' ? phase.partials : {}
  if (!missing(quorum, before).includes(index)) return s
  const partials = { ...before, [index]: partial }
  if (missing(quorum, partials).length > 0)
    return to(s, { name: 'collecting_partial_signatures', quorum, commitments, partials })
  const all = inOrder(quorum, partials)
  return to(s, { name: 'finalizing_signature', quorum, partials: all, results: null, receipts: {} })
}

function aggregated(
  s: SigningSession,
  phase: In<'finalizing_signature'>,
  { results }: Event<'aggregated'>,
): SigningSession {
  if (phase.results !== null) return s
  return results.length === s.request.body.items.length ? to(s, { ...phase, results }) : again(s)
}

function confirmed(
  s: SigningSession,
  phase: In<'finalizing_signature'>,
  { index, receipt }: Event<'confirmed'>,
): SigningSession {
  const { quorum, results } = phase
  if (results === null || !missing(quorum, phase.receipts).includes(index)) return s
  const receipts = { ...phase.receipts, [index]: receipt }
  if (missing(quorum, receipts).length > 0) return to(s, { ...phase, receipts })
  return to(s, { name: 'completed', quorum, results, receipts: inOrder(quorum, receipts) })
}

function refused(s: SigningSession, { index, code, culprits }: Event<'refused'>): SigningSession {
  if (final.has(code)) return failed(s, code, culprits)
  const named = culprits.filter((culprit) => s.holders.some((holder) => holder.index === culprit))
  if (lacksConsent.has(code)) {
    const owners = named.length > 0 ? named : [index]
    return without(s, withoutConsent(s, owners, code), code, owners)
  }
  if (code === 'epoch.unproven') return unproven(s, index)
  if (!namesCheats.has(code) || named.length === 0) return again(s)
  const excluded = Object.fromEntries(named.map((cheat) => [cheat, { code, final: true }]))
  return without(s, { ...s.excluded, ...excluded }, code, named)
}

/**
 * Its enclave has restarted, and no other that could be asked remembers the key. Others may sign without it; and enough
 * participants can say which epoch is in force. When as many had spoken before the attempt began, they did so before the restart,
 * and will not say it again here.
 */
function unproven(s: SigningSession, index: number): SigningSession {
  const next = { ...s, excluded: { ...s.excluded, [index]: { code: 'epoch.unproven' as const, final: false } } }
  const said = vouchers(s)
  if (said > (s.vouchers ?? 0)) return again(s)
  return said > s.holders.length - s.threshold && !hasWilling(next) ? failed(s, 'epoch.unproven', []) : again(next)
}

/** Goes on without these participants, or fails with their names when too few are left. */
function without(
  s: SigningSession,
  excluded: SigningSession['excluded'],
  code: RefusalCode,
  culprits: readonly number[],
): SigningSession {
  const next = { ...s, excluded }
  return isPossible(next) ? again(next) : failed(next, code, culprits)
}

/** The work still owed, read off the state alone, so that a restart resumes where it stopped. */
export function effects(s: SigningSession): readonly SigningEffect[] {
  const { phase, attempt } = s
  switch (phase.name) {
    case 'collecting_participants':
      return [{ type: 'choose_quorum' }]
    case 'generating_nonces':
    case 'collecting_nonces': {
      // All of them, since others than the quorum can say which epoch is in force.
      const approvals = Object.values(s.approvals).flatMap((approval) => approval ?? [])
      const inbox = phase.name === 'collecting_nonces' ? phase.commitments : {}
      return missing(phase.quorum, inbox).map((index) => ({ type: 'commit', attempt, index, approvals }))
    }
    case 'aggregating_nonces':
      return [{ type: 'fix_package', attempt }]
    case 'generating_partial_signatures':
    case 'collecting_partial_signatures': {
      const { commitments } = phase
      const approvals = approvalsOf(s, phase.quorum)
      const inbox = phase.name === 'collecting_partial_signatures' ? phase.partials : {}
      return missing(phase.quorum, inbox).map((index) => ({ type: 'partial', attempt, index, approvals, commitments }))
    }
    case 'finalizing_signature':
      return finalizing(phase, attempt)
    case 'completed':
    case 'failed':
    case 'expired':
      return []
  }
}

function finalizing(phase: In<'finalizing_signature'>, attempt: number): readonly SigningEffect[] {
  const { quorum, partials, results, receipts } = phase
  if (results !== null) return missing(quorum, receipts).map((index) => ({ type: 'confirm', attempt, index, results }))
  return quorum.slice(0, 1).map((index) => ({ type: 'aggregate', attempt, index, partials }))
}

const approvalsOf = (s: SigningSession, quorum: readonly number[]): Approval[] => inOrder(quorum, s.approvals)
