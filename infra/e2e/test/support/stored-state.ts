import { courses, type CourseName } from '@quorate/gateway/courses/table'
import type { Session, Terms } from '@quorate/gateway/engine/course'
import type { StoredSession } from '@quorate/gateway/engine/ports'

type Stored = Pick<StoredSession, 'kind' | 'state'>

/** The public name of the state that a session was stored in. */
export function nameOf({ kind, state }: Stored): string {
  const { status } = courses[kind as CourseName]
  return (status({ version: 1, state: state as never }) as { state: string }).state
}

/** That name, with the round where a state has several. */
export function placeOf(stored: Stored): string {
  const name = nameOf(stored)
  const { stage } = stored.state as Session<Terms>
  const round = stage.name === 'asking' ? stage.round : ''
  if (name === 'key_generation' || name === 'refreshing') return `${stored.kind} ${name}/${round}`
  return `${stored.kind} ${name}${round === 'confirm' ? '/aggregated' : ''}`
}
