import type { Asks, Ceremony, RoundName, Says } from '@quorate/shared/ceremonies/ceremony'
import type { RefusalCode } from '@quorate/shared/errors'
import type { HostId, Seat } from '@quorate/shared/wire/host'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { AuditRecord, KeyStep } from './ports.ts'

/** What has come in so far, by participant index. */
export type Inbox<T> = Readonly<Partial<Record<number, T>>>

/** The types of one ceremony's course. */
export type Terms = {
  ceremony: Ceremony
  /** What the session is about, and what people have said so far. */
  own: unknown
  /** What people say. */
  word: unknown
  /** Per round: what the rounds before it have given. */
  given: Record<string, unknown>
  /** What a completed session has made. */
  result: unknown
  /** What the world may see. */
  status: unknown
  /** Per round: fields of the question that the state does not hold. */
  lacks: Readonly<Partial<Record<string, string>>>
  /** What hosts have given ahead for an attempt. */
  ready: unknown
}

export type RoundOf<T extends Terms> = RoundName<T['ceremony']>
/** The question of a round, as far as the state holds it. */
export type Question<T extends Terms, R> = Omit<
  Asks<T['ceremony'], R>,
  R extends keyof T['lacks'] ? Extract<T['lacks'][R], string> : never
>
type Code = Readonly<{ code: RefusalCode; culprits: readonly number[] }>

/**
 * A round under way. `said`: the answers so far. `tries`: how often each host was asked in vain. `turn` counts the rounds of the
 * attempt, so that a round that is asked anew is another question.
 */
export type Asking<T extends Terms> = {
  [R in RoundOf<T>]: Readonly<{
    name: 'asking'
    round: R
    turn: number
    given: T['given'][R]
    said: Inbox<Says<T['ceremony'], R>>
    tries: Inbox<number>
    quorum: readonly number[]
  }>
}[RoundOf<T>]

/** `waiting`: for people to agree, or for the hosts of a quorum. */
export type Stage<T extends Terms> =
  | Readonly<{ name: 'waiting' }>
  | Asking<T>
  | Readonly<{ name: 'completed'; quorum: readonly number[]; result: T['result'] }>
  | (Readonly<{ name: 'failed' }> & Code)
  | Readonly<{ name: 'expired' }>

/** A session as it is stored. Nothing in it is secret to the gateway. `seats`: participant k's is at k−1. `attempt` counts those begun. */
export type Session<T extends Terms> = Readonly<{
  id: string
  keyId: KeyId
  seats: readonly Seat[]
  attempt: number
  own: T['own']
  stage: Stage<T>
}>

export type Versioned<S> = Readonly<{ version: number; state: S }>

/** The begin of a round: what it is given, and answers that stand already. */
export type Begun<T extends Terms> = {
  [R in RoundOf<T>]: Readonly<{ round: R; given: T['given'][R]; said?: Inbox<Says<T['ceremony'], R>> }>
}[RoundOf<T>]

/**
 * What becomes of a session. `stay`: nothing but `own` has changed. `begin`: the next round; after a refusal, an earlier one.
 * `ask_again`: the same question goes to the same host. `new_attempt`: all begin anew when a quorum is there.
 */
export type Verdict<T extends Terms> = Readonly<{ own?: T['own'] }> &
  (
    | Readonly<{ then: 'stay' }>
    | Readonly<{ then: 'ask_again' }>
    | Readonly<{ then: 'new_attempt' | 'expire' }>
    | (Readonly<{ then: 'begin' }> & Begun<T>)
    | Readonly<{ then: 'complete'; result: T['result'] }>
    | (Readonly<{ then: 'fail' }> & Code)
  )

/** What the end of a round can lead to: nobody is left to be asked again. */
export type Settled<T extends Terms> = Exclude<Verdict<T>, { then: 'stay' | 'ask_again' }>
/** What a refusal can lead to: something, or nobody would be asked any more. */
export type AfterRefusal<T extends Terms> = Exclude<Verdict<T>, { then: 'stay' }>

/** Why a host did not do its part. */
export type Refused = Readonly<{ index: number }> & Code

/** What a session that pauses sees of the world: the time (ms), and whether what it waits for has come. */
export type Seen = Readonly<{ now: number; isFree: boolean }>

/** What a write of a session takes along. `durable`: it is on the disk before it is acknowledged. */
export type Writing = Readonly<{ audit: readonly AuditRecord[]; key: KeyStep | null; durable: boolean }>

/** What is peculiar to one ceremony, for the engine's one machine. Pure: no store, socket or clock. Times in ms. */
export type Course<T extends Terms> = Readonly<{
  of: T['ceremony']
  /** The round with which an attempt begins. */
  first: (s: Session<T>) => Begun<T>
  /** On how many things each word is, 1 by default: a host takes longer for more. */
  items?: (s: Session<T>) => number
  /** The code of a session whose hosts were lost in too many attempts. */
  lost: RefusalCode
  /** False while only people can move the session on. */
  isAgreed: (own: T['own']) => boolean
  /** What a person's word changes. */
  told: (s: Session<T>, word: T['word']) => Verdict<T>
  /**
   * The indices of those who take part in the next attempt; null waits. `available`: hosts that can be asked, the best first. `ready`: what they
   * have given ahead. `first`: with what the attempt begins, where that is not its `first`.
   */
  choose: (
    s: Session<T>,
    available: readonly HostId[],
    now: number,
    ready?: T['ready'],
  ) => Readonly<{ own: T['own']; quorum: readonly number[] | null; first?: Begun<T> }>
  /** What the host in this seat is asked. Null: nothing, since its answer is not needed or lies in stock. */
  question: {
    readonly [R in RoundOf<T>]: (
      s: Session<T>,
      at: Extract<Asking<T>, { round: R }>,
      index: number,
    ) => Question<T, R> | null
  }
  /** Does this answer count? All do by default. */
  admits?: {
    readonly [R in RoundOf<T>]?: (at: Extract<Asking<T>, { round: R }>, says: Says<T['ceremony'], R>) => boolean
  }
  /** What the answers of all who were asked lead to. */
  settle: { readonly [R in RoundOf<T>]: (s: Session<T>, at: Extract<Asking<T>, { round: R }>) => Settled<T> }
  /** A pause that may last, instead of its `settle`: what becomes of it now. By default a pause is over at once. */
  waits?: {
    readonly [R in RoundOf<T>]?: (s: Session<T>, at: Extract<Asking<T>, { round: R }>, seen: Seen) => Verdict<T>
  }
  refused: (s: Session<T>, at: Asking<T>, refusal: Refused) => AfterRefusal<T>
  /** When the session ends, or goes on without what it waits for, if nothing more happens. */
  deadline: (s: Session<T>) => number
  /** The end at the deadline. `awaited`: whose answer is owed. */
  late: (s: Session<T>, awaited: readonly number[]) => Verdict<T>
  /** False where hosts repeat every answer of an attempt, so that its rounds need not be saved. */
  savesRounds: boolean
  record: (before: Session<T> | null, after: Session<T>, at: number) => Writing
  /** At most one open session of this name is stored; it is that of the session's first state. By default any number. */
  alone?: (s: Session<T>) => string
  /** The state without what stands elsewhere once it is saved. */
  stored?: (s: Session<T>) => Session<T>
  /** Here, and only here, the names of states that the world sees. */
  status: (now: Versioned<Session<T>>) => T['status']
}>
