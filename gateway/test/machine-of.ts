import type { Course, Session, Terms } from '../src/engine/course.ts'
import { awaited, effects, hasEnded, questionOf, transition, type Event } from '../src/engine/machine.ts'

/** A course's machine, for a test: effects come with the question that they put. */
export const machineOf = <T extends Terms>(course: Course<T>) => ({
  hasEnded,
  transition: (s: Session<T>, event: Event<T>) => transition(course, s, event),
  after: (s: Session<T>, ...events: Event<T>[]) => events.reduce((now, event) => transition(course, now, event), s),
  awaited: (s: Session<T>) => awaited(course, s),
  effects: (s: Session<T>) =>
    effects(course, s).map((effect) => {
      const { stage } = s
      if (effect.type !== 'ask' || stage.name !== 'asking') return { type: effect.type }
      const { round, attempt, index, tries } = effect
      const question: Record<string, unknown> = { ...questionOf(course, s, stage, index) }
      return { type: round, attempt, index, tries, question }
    }),
})
