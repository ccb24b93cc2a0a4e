import { QuorateError } from '../errors.ts'
import type { Key } from '../key.ts'
import { whyMissing } from './home.ts'
import type { Session } from './session.ts'
import { isUnverified, UsageError } from './usage.ts'

/** All keys of this home that can be read. Says which cannot, and why. */
export async function keysHere({ home, terminal }: Session): Promise<Key[]> {
  const { keys, unreadable } = await home.readKeys()
  for (const { keyId, why } of unreadable)
    terminal.warn({ event: 'passed_over', keyId, message: why }, `key ${keyId} is passed over: ${why}`)
  return keys
}

/** The key that is named, or all. Throws `UsageError` when there is none. */
export async function chosenKeys(session: Session, id?: string): Promise<Key[]> {
  const { home } = session
  const keys = id === undefined ? await keysHere(session) : [await home.key(id)]
  if (keys.length > 0) return keys
  throw new UsageError(await whyMissing(home.path, ''))
}

/** Why a key is of no use now. Throws what ends the search: a wrong use, an interruption, the end of the time. */
export function failureOf(error: unknown): QuorateError {
  if (error instanceof QuorateError && error.code !== 'wait.timeout') return error
  throw error
}

export function passOver({ terminal }: Session, { keyId, gateway }: Key, { code, message, by }: QuorateError): void {
  const where = code === 'gateway.unavailable' ? ` (${gateway})` : ''
  terminal.warn(
    { event: 'passed_over', keyId, gateway, code, message, by },
    `key ${keyId} is passed over: ${message} (${code})${where}`,
  )
}

/** Of several failures the one to end with: a lie before an absence. */
export const worstOf = (failures: readonly QuorateError[]): QuorateError =>
  failures.find(isUnverified) ?? failures[0] ?? new QuorateError('request.not_found', 'gateway')

/**
 * What `look` finds at one of the keys; null says that it is not there. Keys of one gateway are looked at one after the other, and
 * gateways side by side. A key at which it fails is named and passed over. Throws why it failed, or `request.not_found`, when nothing is found.
 */
export async function findAt<T>(
  session: Session,
  keys: readonly Key[],
  look: (key: Key, signal: AbortSignal) => Promise<T | null>,
): Promise<T> {
  const found = new AbortController()
  const signal = AbortSignal.any([session.signal, found.signal])
  const failures: QuorateError[] = []
  const lookAtAll = async (atOne: readonly Key[]): Promise<T> => {
    for (const key of atOne)
      try {
        const there = await look(key, signal)
        if (there !== null) return there
      } catch (error) {
        signal.throwIfAborted()
        const failure = failureOf(error)
        failures.push(failure)
        if (keys.length > 1) passOver(session, key, failure)
        if (failure.code === 'gateway.unavailable') break
      }
    throw new QuorateError('request.not_found', 'gateway')
  }
  try {
    return await Promise.any(byGateway(session, keys).map(lookAtAll))
  } catch (error) {
    session.signal.throwIfAborted()
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error]
    const unexpected = errors.find((one) => !isNowhere(one))
    if (unexpected !== undefined) throw unexpected as Error
    throw worstOf(failures)
  } finally {
    found.abort()
  }
}

const isNowhere = (error: unknown): boolean => error instanceof QuorateError && error.code === 'request.not_found'

/**
 * What `look` gives at each key, side by side. A key at which it fails is named and passed over. Throws why it failed when it did at every key.
 */
export async function everyAt<T>(
  session: Session,
  keys: readonly Key[],
  look: (key: Key, signal: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const failures: QuorateError[] = []
  const found = keys.map(async (key): Promise<T[]> => {
    try {
      return [await look(key, session.signal)]
    } catch (error) {
      session.signal.throwIfAborted()
      const failure = failureOf(error)
      failures.push(failure)
      if (keys.length > 1) passOver(session, key, failure)
      return []
    }
  })
  const all = (await Promise.all(found)).flat()
  if (all.length === 0 && failures.length > 0) throw worstOf(failures)
  return all
}

function byGateway({ gatewayNamed }: Session, keys: readonly Key[]): Key[][] {
  const groups = new Map<string, Key[]>()
  for (const key of keys) {
    const at = gatewayNamed() ? '' : key.gateway
    groups.set(at, [...(groups.get(at) ?? []), key])
  }
  return [...groups.values()]
}
