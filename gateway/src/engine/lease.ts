import { Refusal } from '@quorate/shared/errors'
import type { Claimed, Lease, SessionStore } from './ports.ts'

/** How long a lease lasts, and how often it is renewed, ms: two renewals may fail. */
export const LEASE_MS = 30_000
export const RENEW_MS = 10_000
/** By how much the clocks of two gateways may differ, ms. A gateway trusts its memory until so long before its lease is over. */
export const SKEW_MS = 2_000

type LeasePorts = Readonly<{
  store: Pick<SessionStore, 'claim' | 'release'>
  /** The gateway's name. */
  holder: string
  /** ms since 1970 */
  clock: () => number
  /** The lease was not held all the time: looks which sessions are still this gateway's. */
  doubted: () => Promise<void>
  /** Takes these sessions up. */
  given: (sessions: Claimed['sessions']) => Promise<void>
  /** A renewal that nobody waits for failed, or giving the lease back did. */
  failed: (error: unknown) => void
}>

/**
 * Holds the lease under which this gateway drives sessions. Nothing happens before the first `claim`, which begins the lease; a
 * timer renews it from then on, and takes up what nobody drives any more. `close` gives the lease back.
 */
export function createLease(ports: LeasePorts): Lease & Readonly<{ close: () => Promise<void> }> {
  const { store, holder, clock, doubted, given, failed } = ports
  let until = -Infinity
  let closed = false
  let beat: NodeJS.Timeout | undefined
  let renewing: Promise<{ taken: Promise<void> }> | null = null

  async function renew() {
    const next = clock() + LEASE_MS
    const claimed = await store.claim(holder, next)
    // What is in memory is looked at before it counts as the truth again.
    if (claimed.anew) await doubted()
    if (!closed) until = next
    // Not waited for here: the lease is renewed in time, however long the hosts of a session take.
    return { taken: claimed.sessions.length > 0 ? given(claimed.sessions) : Promise.resolve() }
  }

  function renewLater(): void {
    clearTimeout(beat)
    if (!closed) beat = setTimeout(() => void claim().catch(failed), RENEW_MS).unref()
  }

  async function claim(): Promise<void> {
    if (closed) throw new Refusal('gateway.draining')
    renewing ??= renew().finally(() => {
      renewing = null
      renewLater()
    })
    const { taken } = await renewing
    await taken
  }

  return {
    holds: () => clock() < until - SKEW_MS,
    claim,
    async close() {
      closed = true
      until = -Infinity
      clearTimeout(beat)
      await renewing?.catch(() => undefined)
      until = -Infinity
      await store.release().catch(failed)
    },
  }
}
