import type { Course, Session, Terms } from './course.ts'
import { hasEnded, isAskedAgain, type Event } from './machine.ts'

/**
 * Need this answer not be remembered, since its host gives it again when it is asked again? `after`: what it led to.
 */
export function isRepeatable<T extends Terms>(course: Course<T>, after: Session<T>, event: Event<T>): boolean {
  const { stage, attempt } = after
  switch (event.type) {
    case 'said':
    case 'passed':
      if (!course.savesRounds) return event.attempt === attempt && !hasEnded(after)
      return event.type === 'said' && stage.name === 'asking' && stage.round === event.round
    case 'refused':
      return stage.name === 'asking' && event.attempt === attempt && isAskedAgain(course, stage)
    case 'told':
    case 'hosts_seen':
    case 'time_passed':
      return false
  }
}
