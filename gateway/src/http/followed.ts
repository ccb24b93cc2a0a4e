import type { Coordinator, StatusOf } from '../commands/ports.ts'
import type { Waiting } from '../engine/ports.ts'

type SessionKind = keyof StatusOf

/** What server-sent events are made of: `watch` gives every later status. */
export type Stream = Readonly<{
  current: () => Promise<StatusOf[SessionKind]>
  watch: (listener: (status: StatusOf[SessionKind]) => void) => () => void
}>

/** The query of a status, after its schema, and what aborts when nobody waits any more. */
type Read = Readonly<{ query: { wait?: number | undefined; after?: number | undefined }; signal: AbortSignal }>

/** How clients follow one kind of session. */
export type Followed<K extends SessionKind, Id> = Readonly<{
  /** The status now, or after the wait that the query asks for. */
  read: (id: Id, read: Read) => Promise<StatusOf[K]>
  stream: (id: Id) => Promise<Stream>
}>

/** `status` and `wait`: the coordinator's methods for this kind of session. */
export function followed<K extends SessionKind, Id extends string>(
  kind: K,
  coordinator: Pick<Coordinator, 'watch'>,
  {
    status,
    wait,
  }: Readonly<{
    status: (id: Id) => Promise<StatusOf[K]>
    wait: (id: Id, waiting: Waiting) => Promise<StatusOf[K]>
  }>,
): Followed<K, Id> {
  return {
    read: (id, { query: { wait: ms, after }, signal }) =>
      ms === undefined ? status(id) : wait(id, { after, ms, signal }),
    stream: (id) =>
      Promise.resolve({ current: () => status(id), watch: (listener) => coordinator.watch(kind, id, listener) }),
  }
}
