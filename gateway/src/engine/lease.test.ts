import { Refusal } from '@quorate/shared/errors'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { turn } from '../../../shared/test/noticing.js'
import { createLease, LEASE_MS, RENEW_MS, SKEW_MS } from './lease.ts'
import type { Claimed, StoredSession } from './ports.ts'

// Time passes when a test says so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

const session = { id: 'a' } as StoredSession

/** A lease whose store gives `answers`, one after the other, and then that nothing is new. */
function leaseOf(...answers: (Claimed | Refusal)[]) {
  const log: string[] = []
  let broken = false
  const lease = createLease({
    store: {
      claim: (holder, until) => {
        log.push(`claim ${holder} ${until}`)
        const answer = answers.shift() ?? { sessions: [], anew: false }
        return answer instanceof Refusal ? Promise.reject(answer) : Promise.resolve(answer)
      },
      release: () => (broken ? Promise.reject(new Refusal('store.failed')) : Promise.resolve(void log.push('release'))),
    },
    holder: 'g',
    clock: () => Date.now(),
    doubted: () => Promise.resolve(void log.push(`doubted, ${lease.holds() ? 'trusted' : 'not trusted'}`)),
    given: (sessions) => Promise.resolve(void log.push(`given ${sessions.length}`)),
    failed: () => void log.push('failed'),
  })
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms)
    await turn()
  }
  return { lease, log, pass, fails: () => void (broken = true) }
}

it('begins with the first claim, and takes up what that gives', async () => {
  const { lease, log, pass } = leaseOf({ sessions: [session], anew: true })
  await pass(RENEW_MS)
  expect([log, lease.holds()]).toEqual([[], false])
  await lease.claim()
  expect(log).toEqual([`claim g ${RENEW_MS + LEASE_MS}`, 'doubted, not trusted', 'given 1'])
  expect(lease.holds()).toBe(true)
})

it('is renewed in time, and takes up what nobody drives any more', async () => {
  const { lease, log, pass } = leaseOf({ sessions: [], anew: true }, { sessions: [session], anew: false })
  await lease.claim()
  await pass(RENEW_MS)
  await pass(RENEW_MS)
  expect(log.slice(2)).toEqual([`claim g ${RENEW_MS + LEASE_MS}`, 'given 1', `claim g ${2 * RENEW_MS + LEASE_MS}`])
})

it('holds until shortly before its end when renewing fails, is tried again, and then doubts what is in memory', async () => {
  const down = new Refusal('store.failed')
  const { lease, log, pass } = leaseOf({ sessions: [], anew: true }, down, down, down, { sessions: [], anew: true })
  await lease.claim()
  await pass(RENEW_MS)
  await pass(RENEW_MS)
  await pass(LEASE_MS - SKEW_MS - 2 * RENEW_MS - 1)
  expect(lease.holds()).toBe(true)
  await pass(1)
  expect(lease.holds()).toBe(false)
  await pass(RENEW_MS)
  await pass(RENEW_MS)
  expect(log.filter((line) => line === 'failed')).toHaveLength(3)
  expect(log.at(-1)).toBe('doubted, not trusted')
  expect(lease.holds()).toBe(true)
})

it('is claimed once when many want it at the same time', async () => {
  const { lease, log } = leaseOf()
  await Promise.all([lease.claim(), lease.claim(), lease.claim()])
  expect(log).toHaveLength(1)
})

it('closes also when it cannot be given back', async () => {
  const { lease, log, fails } = leaseOf()
  fails()
  await lease.close()
  expect(log).toEqual(['failed'])
})

it('is given back when it closes, and not claimed again', async () => {
  const { lease, log, pass } = leaseOf()
  await lease.claim()
  await lease.close()
  expect(lease.holds()).toBe(false)
  await pass(2 * RENEW_MS)
  await expect(lease.claim()).rejects.toMatchObject({ code: 'gateway.draining' })
  expect(log.slice(1)).toEqual(['release'])
  expect(vi.getTimerCount()).toBe(0)
})
