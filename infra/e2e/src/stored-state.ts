import { keygenCourse } from '@quorate/gateway/courses/keygen'
import { refreshCourse } from '@quorate/gateway/courses/refresh'
import { signingCourse } from '@quorate/gateway/courses/signing'
import type { Session, Terms } from '@quorate/gateway/engine/course'
import type { StoredSession } from '@quorate/gateway/engine/ports'

const courses = { keygen: keygenCourse, refresh: refreshCourse, signing: signingCourse }

type Stored = Pick<StoredSession, 'kind' | 'state'>

/** The public name of the state that a session was stored in. */
export function nameOf({ kind, state }: Stored): string {
  const { status } = courses[kind as keyof typeof courses]
  return (status({ version: 1, state: state as never }) as { state: string }).state
}

/** That name, with the round where a state has several. */
export function placeOf(stored: Stored): string {
  const name = nameOf(stored)
  const { stage } = stored.state as Session<Terms>
  const round = stage.name === 'asking' ? stage.round : ''
  if (name === 'key_generation' || name === 'refreshing') return `${stored.kind} ${name}/${round}`
  return `${stored.kind} ${name}`
}
