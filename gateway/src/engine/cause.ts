import { AsyncLocalStorage } from 'node:async_hooks'

type Cause = { readonly id: string | undefined; isOver: boolean }

const causes = new AsyncLocalStorage<Cause>()

/** The id of the request by which what runs now was begun. Undefined for what nobody has asked for. */
export function causingRequest(): string | undefined {
  const cause = causes.getStore()
  return cause === undefined || cause.isOver ? undefined : cause.id
}

/**
 * Runs `act` as begun by this request, until the function that it gives is called. What outlives that, such as a connection or a timer, belongs to
 * nobody's request.
 */
export function beginCause(id: string, act: () => void): () => void {
  const cause = { id, isOver: false }
  causes.run(cause, act)
  return () => void (cause.isOver = true)
}

/** Runs `act` as begun by this request, or by none, until it has ended. */
export async function causedBy<T>(id: string | undefined, act: () => Promise<T>): Promise<T> {
  const cause = { id, isOver: false }
  try {
    return await causes.run(cause, act)
  } finally {
    cause.isOver = true
  }
}
