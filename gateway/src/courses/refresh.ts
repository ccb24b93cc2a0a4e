import { refresh } from '@quorate/shared/ceremonies/refresh'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { Prepared, RefreshState } from '@quorate/shared/wire/refresh'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { KeyStep } from '../engine/ports.ts'
import type {
  AfterRefusal,
  Asking,
  Begun,
  Course,
  Refused,
  Seen,
  Verdict,
  Versioned,
  Writing,
} from '../engine/course.ts'
import { indicesOf } from '../engine/machine.ts'
import { auditing } from './audit.ts'
import { afterRefusal, certifiedBy, packagesFor, settleRoundOne, settleRoundTwo, startsOver } from './dkg.ts'
import { installedOf, isOver, preparedOf, saidByOthers } from './epoch-change.ts'
import type { Prepare, RefreshSession, RefreshTerms } from './refresh-terms.ts'

/** A refresh in force has no deadline: it goes on until all hosts have installed the new epoch, and is never swept. */
const NEVER = 8_640_000_000_000_000

/** For how long open signings may finish at the old epoch once all hosts have prepared the next one. ms */
const LONGEST_HOLD = 600_000

type At<R> = Extract<Asking<RefreshTerms>, { round: R }>

/** Where a refresh begins whose key has a next epoch already, certified by an earlier refresh that did not go on. */
export const preparing = (certificate: Certificate): Begun<RefreshTerms> => ({
  round: 'prepare',
  given: { certificate, shares: [], inForce: false },
})

/** Has the new epoch become the key's? Then there is no way back to the old one. */
export const isInForce = ({ stage }: RefreshSession): boolean =>
  stage.name === 'completed' ||
  (stage.name === 'asking' && (stage.round === 'install' || (stage.round === 'prepare' && stage.given.inForce)))

function choose({ own, seats }: RefreshSession, available: readonly string[]) {
  const away = seats.flatMap(({ index, host }) => (available.includes(host) ? [] : [index]))
  const quorum = away.length > 0 ? null : seats.map(({ index }) => index)
  return { own: String(away) === String(own.away) ? own : { ...own, away }, quorum }
}

function refused(_: RefreshSession, at: Asking<RefreshTerms>, refusal: Refused): AfterRefusal<RefreshTerms> {
  const { code, culprits } = refusal
  switch (at.round) {
    case 'round1':
    case 'round2':
    case 'round3':
      return afterRefusal(at, refusal)
    case 'prepare': {
      const mayBeWell = at.given.inForce || startsOver.has(code) || code === 'epoch.unproven'
      return mayBeWell ? { then: 'ask_again' } : { then: 'fail', code, culprits }
    }
    case 'hold':
      return { then: 'ask_again' }
    case 'install':
      return code === 'refresh.not_prepared' ? preparedAnew(at, refusal.index) : { then: 'ask_again' }
  }
}

/** A host has restarted since it prepared: it does so again, and then all install over what they say now. */
function preparedAnew({ given }: At<'install'>, index: number): AfterRefusal<RefreshTerms> {
  const { certificate, prepared } = given
  const said = saidByOthers(prepared, index)
  return { then: 'begin', round: 'prepare', given: { certificate, shares: [], inForce: true }, said }
}

const sameWords = (a: readonly Prepared[], b: readonly Prepared[]): boolean =>
  digestOf('prepared-all', a) === digestOf('prepared-all', b)

/** What all hosts have prepared, while they may install it. */
const preparedIn = (s: RefreshSession | null): Prepare | null =>
  s?.stage.name === 'asking' && (s.stage.round === 'install' || s.stage.round === 'hold') ? s.stage.given : null

/** No open signing is kept from finishing under the old certificate, until all have or their time is over. */
function held(_: RefreshSession, { given }: At<'hold'>, { now, isFree }: Seen): Verdict<RefreshTerms> {
  const { until, ...prepared } = given
  if (isFree || (until !== null && now >= until)) return afterHold(prepared)
  return until === null
    ? { then: 'begin', round: 'hold', given: { ...prepared, until: now + LONGEST_HOLD } }
    : { then: 'stay' }
}

const afterHold = ({ certificate, prepared }: Prepare) =>
  ({ then: 'begin', round: 'install', given: { certificate, prepared } }) as const

function auditOf(before: RefreshSession | null, after: RefreshSession, at: number): Writing['audit'] {
  const { stage, attempt, own } = after
  const audit = auditing(after, at)
  if (stage.name === 'failed') return [audit('refresh.failed', { attempt, code: stage.code, culprits: stage.culprits })]
  if (stage.name === 'completed') return [audit('refresh.completed', { installed: stage.result.installed })]
  const [had, now] = [preparedIn(before), preparedIn(after)]
  if (now !== null && !(had && sameWords(had.prepared, now.prepared))) {
    const certificate = digestOf('certificate', now.certificate.body)
    return [audit('refresh.prepared', { certificate, prepared: now.prepared })]
  }
  if (before === null || attempt > before.attempt) return [audit('refresh.begun', { attempt, request: own.request })]
  return []
}

/** What becomes of the key in the write of `after`. */
function keyStepOf(before: RefreshSession | null, { own, stage }: RefreshSession): KeyStep | null {
  if (stage.name === 'completed') {
    const { certificate, installed } = stage.result
    return { step: 'retired', epoch: certificate.body.epoch, installed }
  }
  if (stage.name !== 'asking') return null
  if (stage.round === 'install') {
    const { epoch } = stage.given.certificate.body
    const { prepared } = stage.given
    return before !== null && isInForce(before) ? null : { step: 'installing', epoch, prepared }
  }
  if (stage.round !== 'prepare') return null
  const { certificate, shares } = stage.given
  const isKept = shares.length === 0 || (before?.stage.name === 'asking' && before.stage.round === 'prepare')
  return isKept ? null : { step: 'certified', record: { certificate, shares, asker: own.request.body.asker } }
}

function record(before: RefreshSession | null, after: RefreshSession, at: number): Writing {
  const audit = auditOf(before, after, at)
  const key = keyStepOf(before, after)
  return { audit, key, durable: audit.length > 0 || key !== null }
}

/** Sealed shares stand with the key alone, where those of an epoch that is over are deleted. */
const stored = (s: RefreshSession): RefreshSession =>
  s.stage.name === 'asking' && s.stage.round === 'prepare'
    ? { ...s, stage: { ...s.stage, given: { ...s.stage.given, shares: [] } } }
    : s

const stateOf = ({ stage }: RefreshSession): RefreshState => {
  if (stage.name === 'waiting') return 'gathering'
  // It is in force or fails: nothing of a refresh expires.
  if (stage.name !== 'asking') return stage.name === 'expired' ? 'failed' : stage.name
  if (stage.round === 'prepare') return 'preparing'
  if (stage.round === 'hold') return 'holding'
  return stage.round === 'install' ? 'installing' : 'refreshing'
}

/** What the hosts have said of the new epoch so far. */
function wordsOf(s: RefreshSession): Pick<RefreshStatus, 'certificate' | 'prepared' | 'installed'> {
  const { stage } = s
  const indices = indicesOf(s)
  if (stage.name === 'completed') {
    const { certificate, prepared, installed } = stage.result
    return { certificate, prepared: [...prepared], installed: [...installed] }
  }
  if (stage.name === 'asking' && stage.round === 'prepare') {
    const prepared = preparedOf(indices, stage.said)
    return { certificate: stage.given.certificate, prepared, installed: [] }
  }
  const prepare = preparedIn(s)
  if (prepare !== null) {
    const installed = stage.name === 'asking' && stage.round === 'install' ? installedOf(indices, stage.said) : []
    return { certificate: prepare.certificate, prepared: [...prepare.prepared], installed }
  }
  return { certificate: null, prepared: [], installed: [] }
}

const status = ({ version, state: s }: Versioned<RefreshSession>): RefreshStatus => ({
  refreshId: s.id as RefreshStatus['refreshId'],
  keyId: s.keyId,
  version,
  state: stateOf(s),
  expiresAt: s.own.request.body.expiresAt,
  attempt: s.attempt,
  request: s.own.request,
  failure: s.stage.name === 'failed' ? { code: s.stage.code, culprits: [...s.stage.culprits] } : null,
  ...wordsOf(s),
})

const seatOf = ({ own, attempt }: RefreshSession, index: number) => ({
  refreshId: own.request.body.refreshId,
  attempt,
  index,
})

/** In force it goes on for ever, and before that the hold ends by itself. */
function deadline(s: RefreshSession): number {
  const { own, stage } = s
  if (isInForce(s)) return NEVER
  return stage.name === 'asking' && stage.round === 'hold' ? (stage.given.until ?? NEVER) : own.request.body.expiresAt
}

function late({ own, stage }: RefreshSession, awaited: readonly number[]): Verdict<RefreshTerms> {
  if (stage.name === 'asking' && stage.round === 'hold') return afterHold(stage.given)
  return { then: 'fail', code: 'refresh.hosts_lost', culprits: stage.name === 'waiting' ? own.away : awaited }
}

/** Gives all hosts of a key new shares: a DKG, then all prepare the new epoch, then all install it. */
export const refreshCourse: Course<RefreshTerms> = {
  of: refresh,
  first: () => ({ round: 'round1', given: null }),
  lost: 'refresh.hosts_lost',
  isAgreed: () => true,
  told: () => ({ then: 'stay' }),
  choose,
  question: {
    round1: ({ own: { request }, attempt }, _, index) => ({ attempt, index, request }),
    round2: (s, { given }, index) => ({ ...seatOf(s, index), messages: [...given.messages] }),
    round3: (s, { given }, index) => ({ ...seatOf(s, index), packages: packagesFor(given, index) }),
    prepare: (_, { given: { certificate } }, index) => ({ certificate, index }),
    hold: () => null,
    install: (_, { given: { certificate, prepared } }, index) => ({ certificate, index, prepared: [...prepared] }),
  },
  admits: {
    install: ({ given }, says) => isOver(given.prepared, says),
  },
  settle: {
    round1: (s, { said }) => settleRoundOne(indicesOf(s), said),
    round2: (s, { said }) => settleRoundTwo(indicesOf(s), said),
    round3: (s, { said }) => {
      const made = certifiedBy(indicesOf(s), said)
      return 'then' in made ? made : { then: 'begin', round: 'prepare', given: { ...made, inForce: false } }
    },
    prepare: (s, { given: { certificate, inForce }, said }) => {
      const prepared = preparedOf(indicesOf(s), said)
      if (inForce) return afterHold({ certificate, prepared })
      return { then: 'begin', round: 'hold', given: { certificate, prepared, until: null } }
    },
    hold: (_, { given }) => afterHold(given),
    install: (s, { given: { certificate, prepared }, said }) => {
      const installed = installedOf(indicesOf(s), said)
      return { then: 'complete', result: { certificate, prepared, installed } }
    },
  },
  waits: { hold: held },
  refused,
  deadline,
  late,
  savesRounds: true,
  record,
  alone: ({ keyId }) => `refresh of ${keyId}`,
  stored,
  status,
}
