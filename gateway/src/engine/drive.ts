import type { Behaviour } from './actor.ts'
import { Asker, type Aid } from './ask.ts'
import type { Course, Session, Terms, Versioned } from './course.ts'
import { effects, hasEnded, transition, type Effect, type Event } from './machine.ts'
import type { EnginePorts, StoredSession } from './ports.ts'
import { isRepeatable } from './repeatable.ts'
import { reporting } from './report.ts'

/** What drives the sessions of one course. */
export type Driven<T extends Terms> = Readonly<{ course: Course<T>; aid: Aid<T>; ports: EnginePorts }>

/** Writes sessions, and tells the journal how long they took. */
function saving<T extends Terms>(
  { course, ports }: Driven<T>,
  id: string,
  enclosure: unknown,
): Behaviour<Session<T>, Event<T>, Effect<T>>['save'] {
  const { store, clock, journal } = ports
  const { kind } = course.of
  let begun: number | null = null
  return async (before, after, expected) => {
    const { audit, key, durable } = course.record(before, after, clock())
    const alone = course.alone?.(after)
    if (after.stage.name === 'asking') begun ??= clock()
    const version = await store.save({
      kind,
      id,
      keyId: after.keyId,
      expected,
      state: course.stored?.(after) ?? after,
      ended: hasEnded(after),
      expiresAt: course.deadline(after),
      durable,
      audit,
      ...(alone === undefined ? {} : { alone }),
      ...(expected > 0 || enclosure === undefined ? {} : { enclosure }),
      ...(key ? { key } : {}),
    })
    // It is in the store, and no more in memory.
    enclosure = undefined
    report(kind, { before, after, seconds: begun === null ? 0 : (clock() - begun) / 1_000 }, journal)
    return version
  }
}

/** Logs what nobody waits for. */
export const reportFailure = <T extends Terms>({ course, ports }: Driven<T>, error: unknown): void =>
  reporting(ports.journal, course.of.kind)(error)

/** `saved` hears of every state that was written, `lost` when another gateway drives the session. */
type Heard<T extends Terms> = Pick<Behaviour<Session<T>, Event<T>, Effect<T>>, 'saved' | 'lost'>

/** `enclosure`: what a new session brings along. It is kept no longer than until it is saved. */
type Start<T extends Terms> = Heard<T> & Readonly<{ enclosure?: unknown }>

/** How a session of this course is driven: see `Actor`. */
export function behaviourOf<T extends Terms>(
  driven: Driven<T>,
  id: string,
  { saved, lost, enclosure }: Start<T>,
): Behaviour<Session<T>, Event<T>, Effect<T>> {
  const { course, aid, ports } = driven
  const { store, clock } = ports
  const { kind } = course.of
  const asker = new Asker(course, aid, ports)
  return {
    transition: (s, event) => transition(course, s, event),
    effects: (s) => effects(course, s),
    hasEnded,
    clock,
    saved,
    lost,
    isRepeatable: (after, event) => isRepeatable(course, after, event),
    expiresAt: course.deadline,
    timePassed: (now) => ({ type: 'time_passed', now }),
    answer(s, effect) {
      if (effect.type === 'find_hosts') return hostsSeen(driven, s)
      if (effect.type !== 'pass') return null
      const seen = { now: clock(), isFree: aid.isFree?.(s) ?? true }
      return { type: 'passed', attempt: effect.attempt, seen }
    },
    nameOf: (effect) =>
      effect.type === 'ask' ? `${effect.round}/${effect.attempt}/${effect.turn}/${effect.index}/${effect.tries}` : null,
    perform: (s, effect) =>
      effect.type === 'ask' ? asker.perform(s, effect) : Promise.reject(new Error(`${effect.type} asks nobody`)),
    save: saving(driven, id, enclosure),
    load: async () => (await store.loadSession(kind, id)) as (Versioned<Session<T>> & StoredSession) | null,
    failed: (error) => reportFailure(driven, error),
  }
}

function hostsSeen<T extends Terms>({ course, aid, ports }: Driven<T>, s: Session<T>): Event<T> {
  const [available, now] = [ports.health.available(), ports.clock()]
  const quorum = aid.ready === undefined ? null : course.choose(s, available, now).quorum
  const ready = quorum === null ? undefined : aid.ready?.(s, quorum)
  return { type: 'hosts_seen', available, now, ...(ready === undefined ? {} : { ready }) }
}

type Change<T extends Terms> = Readonly<{ before: Session<T> | null; after: Session<T>; seconds: number }>

function report<T extends Terms>(
  kind: string,
  { before, after, seconds }: Change<T>,
  journal: EnginePorts['journal'],
): void {
  const { id, keyId, attempt, stage } = after
  const of = { kind, id, keyId }
  if (stage.name === 'asking' && attempt > (before?.attempt ?? 0))
    journal.attempted({ ...of, attempt, quorum: stage.quorum })
  if (stage.name !== 'completed' && stage.name !== 'failed' && stage.name !== 'expired') return
  const { code, culprits } = stage.name === 'failed' ? stage : { code: null, culprits: [] }
  journal.ended({ ...of, attempts: attempt, state: stage.name, code, culprits, seconds })
}
