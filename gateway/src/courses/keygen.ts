import { keygen } from '@quorate/shared/ceremonies/keygen'
import { digestOf } from '@quorate/shared/crypto/sign'
import { makesBy } from '@quorate/shared/schemes/table'
import type { KeygenState, Roster, Skeleton, Slot } from '@quorate/shared/wire/keygen'
import type { KeygenStatus } from '@quorate/shared/wire/routes/keygen'
import type {
  AfterRefusal,
  Asking,
  Course,
  Inbox,
  Refused,
  Settled,
  Verdict,
  Versioned,
  Writing,
} from '../engine/course.ts'
import { hasEnded, indicesOf } from '../engine/machine.ts'
import { auditing } from './audit.ts'
import {
  afterRefusal,
  certifiedBy,
  packagesFor,
  settleRoundOne,
  settleRoundTwo,
  startsOver,
  type Certification,
  type Certified,
} from './dkg.ts'
import { installedOf, isOver, preparedOf, saidByOthers } from './epoch-change.ts'
import { failureOf } from './failure.ts'
import type { KeygenGiven, KeygenOwn, KeygenSession, KeygenTerms, KeygenWord, Registered } from './keygen-terms.ts'

export const skeletonOf = ({ own: { plan } }: KeygenSession): Skeleton | null =>
  plan.name === 'fixed' ? plan.skeleton : null

/** Do hosts draw this key together? Else each has its shares already. */
const isDrawn = (s: KeygenSession): boolean => makesBy(s.own.scheme, 'dkg') && skeletonOf(s)?.dealt === undefined

export const registrationsOf = ({ own: { plan } }: KeygenSession): Inbox<Registered> =>
  plan.name === 'fixed' ? plan.registrations : {}

const isComplete = ({ people, plan }: KeygenOwn): boolean =>
  plan.name === 'fixed' && people.every((_, at) => at + 1 in plan.registrations)

/** Can people still register? */
export const isCollecting = ({ own, stage }: KeygenSession): boolean =>
  stage.name === 'waiting' && own.plan.name === 'fixed' && !isComplete(own)

const registered = ({ plan }: KeygenOwn): number => (plan.name === 'fixed' ? Object.keys(plan.registrations).length : 0)

/** Has nobody registered but, at most, who asked? */
const isAlone = (own: KeygenOwn): boolean => registered(own) <= 1 && !isComplete(own)

/** How soon this keygen may end for the sake of others: 0 goes first; null, where all have registered, never goes. */
export const yields = (s: KeygenSession): number | null => (isComplete(s.own) ? null : isAlone(s.own) ? 0 : 1)

function told(s: KeygenSession, word: KeygenWord): Verdict<KeygenTerms> {
  const { own, stage } = s
  const { plan } = own
  if (word.type === 'displaced')
    return isComplete(s.own) ? { then: 'stay' } : { then: 'fail', code: 'keygen.displaced', culprits: [] }
  if (word.type === 'initialised') {
    if (plan.name !== 'reserved') return { then: 'stay' }
    const { skeleton, inits, joinBy } = word
    return { then: 'stay', own: { ...own, plan: { name: 'fixed', skeleton, inits, registrations: {}, joinBy } } }
  }
  const { index, registered } = word
  if (plan.name !== 'fixed' || stage.name !== 'waiting') return { then: 'stay' }
  if (own.people[index - 1] === undefined || index in plan.registrations) return { then: 'stay' }
  const registrations = { ...plan.registrations, [index]: registered }
  return { then: 'stay', own: { ...own, plan: { ...plan, registrations } } }
}

/** The skeleton with the receipts of all who have registered, as all hosts certify it. */
export function rosterOf(s: KeygenSession): Roster {
  const registrations = registrationsOf(s)
  const skeleton = skeletonOf(s)
  if (skeleton === null) throw new Error('a roster before its skeleton')
  return { skeleton, registrations: indicesOf(s).flatMap((index) => registrations[index]?.receipt ?? []) }
}

function record(before: KeygenSession | null, after: KeygenSession, at: number): Writing {
  const { stage, attempt } = after
  const audit = auditing(after, at)
  if (stage.name === 'completed') {
    const { certificate, installed } = stage.result
    const completed = audit('keygen.completed', { certificate: digestOf('certificate', certificate.body), installed })
    return { audit: [completed], key: { step: 'made', record: stage.result }, durable: true }
  }
  if (stage.name === 'failed') {
    const { code, culprits } = stage
    // Nothing was done yet, and strangers could make the audit long with it.
    if (code === 'keygen.displaced') return { audit: [], key: null, durable: false }
    return { audit: [audit('keygen.failed', { code, culprits })], key: null, durable: true }
  }
  if (stage.name === 'asking' && attempt > (before?.attempt ?? 0)) {
    const skeleton = digestOf('skeleton', rosterOf(after).skeleton)
    return { audit: [audit('keygen.begun', { attempt, skeleton })], key: null, durable: true }
  }
  // What a host has installed, the gateway must know after a crash: the host takes part in no other attempt.
  if (stage.name === 'asking' && stage.round === 'install') return { audit: [], key: null, durable: true }
  // A registration that is acknowledged is not lost.
  return { audit: [], key: null, durable: stage.name === 'waiting' && skeletonOf(after) !== null }
}

const stateOf = ({ own, stage }: KeygenSession): KeygenState => {
  if (stage.name === 'asking') return 'key_generation'
  if (stage.name !== 'waiting') return stage.name
  if (own.plan.name === 'reserved') return 'reserved'
  return isComplete(own) ? 'key_generation' : 'collecting_participants'
}

/** Where everybody sits, and who has registered. */
export const slotsOf = (s: KeygenSession): Slot[] =>
  s.own.people.map(({ userId, identity: { enclaveId } }, at) => ({
    userId,
    index: at + 1,
    enclaveId,
    registered: at + 1 in registrationsOf(s),
  }))

/** What a stranger begins alone costs gateway and enclaves minutes, not days. */
function deadline({ own }: KeygenSession): number {
  const { plan, expiresAt } = own
  if (plan.name === 'reserved') return Math.min(plan.initBy, expiresAt)
  return isAlone(own) ? Math.min(plan.joinBy, expiresAt) : expiresAt
}

const status = ({ version, state: s }: Versioned<KeygenSession>): KeygenStatus => ({
  keyId: s.keyId,
  version,
  state: stateOf(s),
  expiresAt: deadline(s),
  slots: slotsOf(s),
  failure: failureOf(s.stage, 'keygen.expired'),
  certificate: s.stage.name === 'completed' ? s.stage.result.certificate : null,
  installed: s.stage.name === 'completed' ? [...s.stage.result.installed] : [],
})

/**
 * What a keygen leaves. Sealed shares stand with the key alone, where those of an epoch that is over are deleted; sealed inits, and
 * who reserved it, are of no more use.
 */
function stored(s: KeygenSession): KeygenSession {
  if (!hasEnded(s)) return s
  const { stage } = s
  const plan = s.own.plan.name === 'fixed' ? { ...s.own.plan, inits: [] } : s.own.plan
  const left = { ...s, own: { ...s.own, holder: '', plan } }
  return stage.name === 'completed' ? { ...left, stage: { ...stage, result: { ...stage.result, shares: [] } } } : left
}

const seatOf = ({ keyId, attempt }: KeygenSession, index: number) => ({ keyId, attempt, index })

const shareAt = ({ certificate, shares }: Certified, index: number) => ({
  certificate,
  index,
  sealedShare: shares.find((share) => share.index === index)?.sealed ?? '',
})

/** Hosts that are away are asked again, and the deadline ends it. */
function refused(_: KeygenSession, at: Asking<KeygenTerms>, refusal: Refused): AfterRefusal<KeygenTerms> {
  const { code, culprits, index } = refusal
  const failed = { then: 'fail', code, culprits } as const
  switch (at.round) {
    case 'round1':
    case 'round2':
    case 'round3':
    case 'accept':
      return afterRefusal(at, refusal)
    case 'prepare':
      // It has restarted, and too few of the others remember, so that nobody has installed anything, or it never will be complete.
      if (code === 'key.unknown' || code === 'epoch.unproven') return { then: 'new_attempt' }
      return startsOver.has(code) ? { then: 'ask_again' } : failed
    case 'install':
      if (code === 'refresh.not_prepared') return preparedAnew(at.given, index)
      // Another has restarted since it prepared, and says so itself when it is asked.
      return startsOver.has(code) || code === 'life.retired' ? { then: 'ask_again' } : failed
  }
}

/** A key that all hosts have certified is prepared. */
function settleCertified(indices: readonly number[], said: Inbox<Certification>): Settled<KeygenTerms> {
  const made = certifiedBy(indices, said)
  return 'then' in made ? made : { then: 'begin', round: 'prepare', given: { ...made, before: null } }
}

/** A host has restarted since it prepared. */
function preparedAnew({ prepared, ...certified }: KeygenGiven['install'], index: number): AfterRefusal<KeygenTerms> {
  const given = { ...certified, before: prepared }
  return { then: 'begin', round: 'prepare', given, said: saidByOthers(prepared, index) }
}

/**
 * Makes a key: people fix a skeleton and register, then all hosts go through a DKG, or accept what was dealt or contributed, and sign the certificate. In two steps they all agree to
 * this one.
 */
export const keygenCourse: Course<KeygenTerms> = {
  of: keygen,
  first: (s) => ({ round: isDrawn(s) ? 'round1' : 'accept', given: null }),
  lost: 'keygen.hosts_lost',
  isAgreed: isComplete,
  told,
  choose: ({ own, seats }, available) => ({
    own,
    quorum: seats.every(({ host }) => available.includes(host)) ? seats.map(({ index }) => index) : null,
  }),
  question: {
    round1: (s, _, index) => ({ ...seatOf(s, index), roster: rosterOf(s) }),
    round2: (s, { given }, index) => ({ ...seatOf(s, index), messages: [...given.messages] }),
    round3: (s, { given }, index) => ({ ...seatOf(s, index), packages: packagesFor(given, index) }),
    accept: (s, _, index) => ({ keyId: s.keyId, index, roster: rosterOf(s) }),
    prepare: (_, { given }, index) => shareAt(given, index),
    install: (_, { given }, index) => ({ ...shareAt(given, index), prepared: [...given.prepared] }),
  },
  admits: {
    install: ({ given }, says) => isOver(given.prepared, says),
  },
  settle: {
    round1: (s, { said }) => settleRoundOne(indicesOf(s), said),
    round2: (s, { said }) => settleRoundTwo(indicesOf(s), said),
    round3: (s, { said }) => settleCertified(indicesOf(s), said),
    accept: (s, { said }) => settleCertified(indicesOf(s), said),
    prepare: (s, { given: { certificate, shares }, said }) => {
      const prepared = preparedOf(indicesOf(s), said)
      return { then: 'begin', round: 'install', given: { certificate, shares, prepared } }
    },
    install: (s, { given, said }) => {
      return { then: 'complete', result: { ...given, installed: installedOf(indicesOf(s), said) } }
    },
  },
  refused,
  deadline,
  late: ({ own }, awaited) =>
    isComplete(own) ? { then: 'fail', code: 'keygen.hosts_lost', culprits: awaited } : { then: 'expire' },
  savesRounds: true,
  record,
  stored,
  status,
}
