import type { QuorateError } from '../errors.ts'
import { failureOf, worstOf } from './keys-here.ts'
import type { Session } from './session.ts'
import { UsageError } from './usage.ts'

/*
 * Several keys in one command. What is wrong with one keeps none of the others.
 */

/** Throws `UsageError` where one call does not reach all of these keys. */
export function requireOneGateway({ gatewayNamed }: Session, keys: readonly Readonly<{ gateway: string }>[]): void {
  const gateways = new Set(keys.map(({ gateway }) => gateway))
  if (gateways.size > 1 && !gatewayNamed())
    throw new UsageError(`these keys are at several gateways: ${[...gateways].join(', ')}`)
}

/** Names each key at which it failed, and gives what the others gave, with the worst failure. Throws that when there is nothing else. */
export function settledAt<R>(
  { terminal }: Session,
  keys: readonly Readonly<{ keyId: string }>[],
  settled: readonly PromiseSettledResult<R>[],
): Readonly<{ given: readonly R[]; failure: QuorateError | null }> {
  const failures: QuorateError[] = []
  const given = settled.flatMap((one, at) => {
    if (one.status === 'fulfilled') return [one.value]
    const failure = failureOf(one.reason)
    failures.push(failure)
    const { code, message, by } = failure
    const keyId = keys[at]?.keyId ?? ''
    terminal.warn({ event: 'passed_over', keyId, code, message, by }, `key ${keyId}: ${message} (${code})`)
    return []
  })
  const failure = failures.length === 0 ? null : worstOf(failures)
  if (given.length === 0 && failure !== null) throw failure
  return { given, failure }
}

/** Runs these one after the other, as `Promise.allSettled` does at once. */
export async function settleEach<T, R>(
  all: readonly T[],
  act: (one: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const settled: PromiseSettledResult<R>[] = []
  for (const one of all) settled.push(...(await Promise.allSettled([act(one)])))
  return settled
}
