import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import { describe, expect, it, vi } from 'vitest'
import { askRefresh } from '../../../shared/party/test/refresh.js'
import {
  ask,
  code,
  coordinator,
  decisionFor,
  enclaves,
  EVER,
  finished,
  inFreshHouses,
  isSigned,
  refreshIn,
  stopTime,
  storedKey,
  type Key,
} from './house.ts'

inFreshHouses()

const held = 600_000

/** Carol asks for a refresh; resolves when it is in this state. */
async function refreshUntil(key: Key, state: RefreshStatus['state']): Promise<RefreshStatus> {
  const request = await askRefresh(enclaves.group, key, (body) => ({ ...body, expiresAt: Date.now() + EVER }), 3)
  return refreshIn(state, await coordinator.requestRefresh(key.plan.skeleton.keyId, request))
}

const epochNow = async ({ plan }: Key) => (await coordinator.key(plan.skeleton.keyId)).body.epoch

describe('a refresh that all hosts have prepared', () => {
  it('lets an open signing finish under the certificate still in force, and is installed then', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const { refreshId } = await refreshUntil(key, 'holding')
    expect(enclaves.count('refresh.install')).toBe(0)
    expect(await epochNow(key)).toBe(0)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect(isSigned(key, await finished(status))).toBe(true)
    expect((await coordinator.follow.refresh.wait(refreshId, { ms: EVER })).state).toBe('completed')
    expect(await epochNow(key)).toBe(1)
  })

  it('waits for ten minutes at most, and then ends what is open, with the name of who asked for it', async () => {
    const key = await storedKey()
    stopTime()
    const { status } = await ask(key, 1, { expiresAt: Date.now() + EVER + held })
    const { refreshId } = await refreshUntil(key, 'holding')
    vi.advanceTimersByTime(held - 1_000)
    expect((await coordinator.follow.refresh.status(refreshId)).state).toBe('holding')
    const other = await ask(key, 2, { expiresAt: Date.now() + EVER })
    vi.advanceTimersByTime(1_001)
    const failure = { code: 'epoch.stale', culprits: [3] }
    for (const open of [status, other.status]) expect(await finished(open)).toMatchObject({ state: 'failed', failure })
    expect((await coordinator.follow.refresh.wait(refreshId, { ms: EVER })).state).toBe('completed')
    await expect(ask(key)).rejects.toEqual(code('epoch.stale'))
  })

  it('is installed at once when nothing is open', async () => {
    const key = await storedKey()
    await refreshUntil(key, 'completed')
    expect(await epochNow(key)).toBe(1)
  })
})
