import { signing } from '@quorate/shared/ceremonies/signing'
import { mayFollow, rejectsAny, sameDecisions } from '@quorate/shared/consent/decisions'
import type { RefusalCode } from '@quorate/shared/errors'
import type { Approval } from '@quorate/shared/wire/consent'
import { ItemRefusal } from '@quorate/shared/wire/signing'
import type { AfterRefusal, Asking, Course, Refused, Verdict, Writing } from '../engine/course.ts'
import { indicesOf, inOrder } from '../engine/machine.ts'
import { auditing } from './audit.ts'
import { deadlineOf, isClosing } from './signing-closing.ts'
import {
  consentsOf,
  hasWilling,
  isPossible,
  rejecters,
  spoken,
  withApproval,
  withoutConsent,
} from './signing-consent.ts'
import { choose } from './signing-quorum.ts'
import { statusOf } from './signing-status.ts'
import {
  isOfProgram,
  type SigningOwn,
  type SigningSession,
  type SigningTerms,
  type Withdrawn,
} from './signing-terms.ts'

type Next = AfterRefusal<SigningTerms>

/** The host's owner has not agreed, in the eyes of its enclave. */
const lacksConsent: ReadonlySet<RefusalCode> = new Set([
  'consent.missing',
  'consent.invalid',
  'consent.expired',
  'grant.exhausted',
  'grant.unproven',
  'nostr.not_permitted',
  'book.unproven',
])
/** The culprits lied and are put out; the others may go on without them. */
const namesCheats: ReadonlySet<RefusalCode> = new Set(['signing.bad_partial', 'signing.bad_commitment'])
/** It comes back, or is about to be able to. Where all partials are there already, its host is waited for. */
const comesBack: ReadonlySet<RefusalCode> = new Set([
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
  'enclave.busy',
  'key.unknown',
])
/** No other quorum would think otherwise of this request. Everything that stands in none of these sets is tried anew. */
const final: ReadonlySet<RefusalCode> = new Set([
  'signing.request_invalid',
  'signing.withdrawn',
  'signing.invalid_signature',
  ...ItemRefusal.options,
  'certificate.invalid',
  'epoch.stale',
  'store.damaged',
  'nostr.event_invalid',
  'nostr.event_misaddressed',
  'nostr.event_unsigned',
  'nostr.event_stale',
  'nostr.request_invalid',
  'nostr.params_invalid',
  'nostr.result_too_large',
])

function told(s: SigningSession, word: SigningTerms['word']): Verdict<SigningTerms> {
  if ('withdrawal' in word) return withdrawn(s, word)
  if (!('superseded' in word)) return heard(s, word)
  const { epoch, asker } = word.superseded
  return s.own.request.body.epoch > epoch ? { then: 'stay' } : { then: 'fail', code: 'epoch.stale', culprits: [asker] }
}

/** Too late once all partials of a quorum are there: they are the signature. */
function withdrawn({ own, stage }: SigningSession, { withdrawal }: Withdrawn): Verdict<SigningTerms> {
  const isSigned = stage.name === 'asking' && stage.round === 'aggregate'
  if (isSigned) return { then: 'stay' }
  return { then: 'fail', own: { ...own, withdrawal }, code: 'signing.withdrawn', culprits: [] }
}

function heard(s: SigningSession, approval: Approval): Verdict<SigningTerms> {
  const { body } = approval
  const { index } = body
  const { own, stage } = s
  const known = own.approvals[index]?.body
  if (s.seats[index - 1] === undefined || (known !== undefined && !mayFollow(known, body))) return { then: 'stay' }
  const next = withApproval(own, approval)
  if (known === undefined ? !rejectsAny(body) : sameDecisions(known, body)) {
    // The package of a running attempt is fixed, and who has been put out for good cannot come back.
    const isLonger = stage.name === 'waiting' && body.expiresAt > (known?.expiresAt ?? 0)
    const isKept = own.excluded[index]?.final !== true && (known === undefined || isLonger)
    return isKept ? { then: 'stay', own: next } : { then: 'stay' }
  }
  const after = { ...s, own: next }
  if (!isPossible(after)) return { then: 'fail', own: next, code: 'signing.rejected', culprits: rejecters(after) }
  const takesPart = stage.name === 'asking' && stage.quorum.includes(index)
  return { then: takesPart ? 'new_attempt' : 'stay', own: next }
}

function refused(s: SigningSession, stage: Asking<SigningTerms>, { index, code, culprits }: Refused): Next {
  if (stage.round === 'aggregate' && comesBack.has(code)) return { then: 'ask_again' }
  if (final.has(code)) return { then: 'fail', code, culprits }
  const named = culprits.filter((culprit) => s.seats[culprit - 1] !== undefined)
  if (lacksConsent.has(code)) {
    const owners = named.length > 0 ? named : [index]
    return without(s, withoutConsent(s.own, owners, code), code, owners)
  }
  if (code === 'epoch.unproven') return unproven(s, index)
  if (code === 'signing.ended') return without(s, withEnded(s.own, index), code, [])
  if (!namesCheats.has(code) || named.length === 0) return { then: 'new_attempt' }
  const cheats = Object.fromEntries(named.map((cheat) => [cheat, { code, final: true }]))
  return without(s, { ...s.own, excluded: { ...s.own.excluded, ...cheats } }, code, named)
}

/**
 * Its host has restarted, and no other that could be asked remembers the key. Others may sign without it; and enough
 * participants can say which epoch is in force. When as many had spoken before the attempt began, they did so before the restart,
 * and will not say it again here.
 */
function unproven(s: SigningSession, index: number): Next {
  const excluded = { ...s.own.excluded, [index]: { code: 'epoch.unproven' as const, final: false } }
  const own = { ...s.own, excluded }
  if (isOfProgram(own)) return without(s, own, 'epoch.unproven', [])
  const [before, said] = [s.own.spoken?.length ?? 0, spoken(s).length]
  const isOver = said <= before && said > s.seats.length - s.own.threshold && !hasWilling({ ...s, own })
  if (isOver) return { then: 'fail', own, code: 'epoch.unproven', culprits: [] }
  return said > before ? { then: 'new_attempt' } : { then: 'new_attempt', own }
}

/** Its host has given a receipt in another attempt, and takes part in no more. Others may have to sign once more. */
const withEnded = (own: SigningOwn, index: number): SigningOwn => ({
  ...own,
  excluded: { ...own.excluded, [index]: { code: 'signing.ended', final: true } },
})

/**
 * Goes on without some participants, or fails with their names when too few are left. A program does not wait for owners here: who was asked
 * and has not said yes before is asked anew with its next event.
 */
function without(s: SigningSession, own: SigningOwn, code: RefusalCode, culprits: readonly number[]): Next {
  const after = { ...s, own }
  const goesOn = isOfProgram(own) ? hasWilling(after) : isPossible(after)
  return goesOn ? { then: 'new_attempt', own } : { then: 'fail', own, code, culprits }
}

/** What is about to be done, with the words of those who agreed to it; and what came of it. */
function record(before: SigningSession | null, after: SigningSession, at: number): Writing {
  const { stage, attempt, own } = after
  const { request, requestDigest } = own
  const written = (event: string, detail: Writing['audit'][number]['detail']): Writing => ({
    audit: [auditing(after, at)(event, { attempt, requestDigest, ...detail })],
    key: null,
    durable: true,
  })
  if (stage.name === 'asking' && attempt > (before?.attempt ?? 0)) {
    const { quorum, round } = stage
    const begun = written('signing.begun', { request, quorum, consents: consentsOf(own, quorum) })
    // What was signed ahead is on the disk with its answer, which nobody has before that.
    return round === 'aggregate' ? { ...begun, durable: false } : begun
  }
  if (stage.name === 'completed') return written('signing.completed', { receipts: stage.result.receipts })
  if (stage.name === 'failed') {
    const { withdrawal } = own
    const said = withdrawal === undefined ? {} : { withdrawal }
    return written('signing.failed', { code: stage.code, culprits: stage.culprits, ...said })
  }
  return { audit: [], key: null, durable: false }
}

const seatOf = ({ own, attempt }: SigningSession, index: number) => ({
  signingId: own.request.body.signingId,
  attempt,
  index,
})

/** Signs what a participant asks for, with a quorum whose owners agree. */
export const signingCourse: Course<SigningTerms> = {
  of: signing,
  first: () => ({ round: 'commit', given: null }),
  items: ({ own }) => own.request.body.items.length,
  lost: 'signing.hosts_lost',
  isAgreed: () => true,
  told,
  choose,
  question: {
    commit: (s, _, index) => ({
      attempt: s.attempt,
      index,
      request: s.own.request,
      // All of them, since others than the quorum can say which epoch is in force.
      consents: consentsOf(s.own, indicesOf(s)),
    }),
    package: () => null,
    partial: (s, { given }, index) => ({
      ...seatOf(s, index),
      consents: [...given.consents],
      commitments: [...given.commitments],
    }),
    aggregate: (s, { given }, index) => ({
      ...seatOf(s, index),
      request: s.own.request,
      consents: [...given.consents],
      commitments: [...given.commitments],
      partials: [...given.partials],
    }),
  },
  settle: {
    commit: ({ own }, { said, quorum }) => {
      const commitments = inOrder(quorum, said).map(({ commitment }) => commitment)
      return { then: 'begin', round: 'package', given: { commitments, consents: consentsOf(own, quorum) } }
    },
    package: (_, { given }) => ({ then: 'begin', round: 'partial', given }),
    partial: (_, { given, said, quorum }) => {
      const partials = inOrder(quorum, said).map(({ partial }) => partial)
      return { then: 'begin', round: 'aggregate', given: { ...given, partials } }
    },
    aggregate: ({ own }, { said, quorum }) => {
      const all = inOrder(quorum, said)
      const { results = [], answer = null } = all[0]?.joined ?? {}
      const isWhole = results.length === own.request.body.items.length && isOfProgram(own) === (answer !== null)
      const receipts = all.map(({ receipt }) => receipt)
      return isWhole ? { then: 'complete', result: { results, receipts, answer } } : { then: 'new_attempt' }
    },
  },
  refused,
  deadline: ({ own }) => deadlineOf(own),
  late: ({ own }) => (isClosing(own) ? { then: 'expire' } : { then: 'stay', own: { ...own, closing: true } }),
  savesRounds: false,
  record,
  status: statusOf,
}
