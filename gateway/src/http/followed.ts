import type { Following, StatusOf } from '../commands/ports.ts'

/** What server-sent events are made of: `watch` gives every later status. */
export type Stream = Readonly<{
  current: () => Promise<StatusOf[keyof StatusOf]>
  watch: (listener: (status: StatusOf[keyof StatusOf]) => void) => () => void
}>

/** The query of a status, after its schema, and what aborts when nobody waits any more. */
type Read = Readonly<{ query: { wait?: number | undefined; after?: number | undefined }; signal: AbortSignal }>

/** The status now, or after the wait that the query asks for. */
export const read = <S>(
  { status, wait }: Following<S>,
  id: string,
  { query: { wait: ms, after }, signal }: Read,
): Promise<S> => (ms === undefined ? status(id) : wait(id, { after, ms, signal }))

/** The statuses as they come. */
export const stream = <S extends StatusOf[keyof StatusOf]>(
  { status, watch }: Following<S>,
  id: string,
): Promise<Stream> => Promise.resolve({ current: () => status(id), watch: (listener) => watch(id, listener) })
