import type { Certificate } from '@quorate/shared/wire/certificate'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import { describe, expect, it, vi } from 'vitest'
import { askRefresh } from '../../../shared/party/test/refresh.js'
import { turn, until } from '../../../shared/test/noticing.js'
import {
  ask,
  begin,
  code,
  coordinator,
  decisionFor,
  enclaves,
  ended,
  EVER,
  finished,
  inFreshHouses,
  isSigned,
  refreshIn,
  register,
  restartGateway,
  stopTime,
  store,
  storedKey,
  type Key,
} from './house.ts'

/*
 * Of a key of two among three, one host is gone for good while the hosts install: one more, and no quorum would be left.
 */

inFreshHouses()

const MONTH = 31 * 86_400_000
const gone = 'enclave-2'
const hasInstalled = (id: string) => enclaves.host(id).events.some(({ event }) => event === 'epoch.installed')
/** Resolves when the other two have installed it, and the gateway has heard so. */
async function othersInstalled(lost: string): Promise<void> {
  await until(() => enclaves.ids().every((id) => id === lost || hasInstalled(id)), 'the two others to have installed')
  await turn()
}
const installedBy = ({ installed }: RefreshStatus) => installed.map(({ body }) => body.index)

/** A key of which two hosts have installed epoch 1, and the third was lost before it did. */
async function halfInstalled() {
  const key = await storedKey()
  const stuck = enclaves.hang(gone, 'refresh.install')
  const { keyId } = key.plan.skeleton
  const request = await askRefresh(enclaves.group, key, (body) => ({ ...body, expiresAt: Date.now() + EVER }), 3)
  const { refreshId } = await coordinator.requestRefresh(keyId, request)
  await stuck.asked()
  await othersInstalled(gone)
  const status = await coordinator.follow.refresh.status(refreshId)
  enclaves.kill(gone)
  stuck.timeOut()
  const certificate = status.certificate as Certificate
  const next: Key = { plan: key.plan, certificate, digest: digestOf('certificate', certificate.body) }
  return { key, next, keyId, status }
}

async function signs(key: Key): Promise<boolean> {
  const { request, status } = await ask(key)
  await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
  return isSigned(key, await finished(status))
}

describe('a host that is gone for good while a refresh is installed', () => {
  it('leaves hosts that sign at the next epoch and at no other, and a refresh that says who has installed', async () => {
    const { key, next, status } = await halfInstalled()
    expect(status).toMatchObject({ state: 'installing', failure: null })
    expect(installedBy(status)).toEqual([1, 2])
    await expect(ask(key)).rejects.toEqual(code('epoch.stale'))
    expect(await signs(next)).toBe(true)
  })

  it('keeps clients at the epoch before, since the next one is not served, and the key from being refreshed again', async () => {
    const { key, next, keyId } = await halfInstalled()
    const epochs = await coordinator.epochs(keyId, 0)
    expect(epochs.map(({ certificate }) => certificate)).toEqual([key.certificate])
    const another = await askRefresh(enclaves.group, next, (body) => ({ ...body, expiresAt: Date.now() + EVER }), 1)
    await expect(coordinator.requestRefresh(keyId, another)).rejects.toEqual(code('session.conflict'))
  })

  it('loses nothing: all shares are kept, for as long as it takes, and the refresh ends when the host is there after all', async () => {
    const { next, keyId, status } = await halfInstalled()
    stopTime()
    vi.advanceTimersByTime(MONTH)
    vi.useRealTimers()
    // A start waits so long for hosts that owe an answer.
    await restartGateway({ roundTimeoutMs: 1 })
    expect(await coordinator.follow.refresh.status(status.refreshId)).toMatchObject({ state: 'installing' })
    for (const epoch of [0, 1]) expect((await store.loadKeyAt(keyId, epoch))?.shares).toHaveLength(3)
    expect(await signs(next)).toBe(true)
    enclaves.restart(gone)
    const over = await refreshIn('completed', status)
    expect(installedBy(over)).toEqual([1, 2, 3])
    expect((await store.loadKeyAt(keyId, 0))?.shares).toEqual([])
    expect(await signs(next)).toBe(true)
  })
})

describe('a host that is gone for good while a keygen is installed', () => {
  it('leaves no key and no share of one, is named, and keeps nobody from making another key', async () => {
    stopTime()
    const { keyId, plan, reservation } = await begin()
    const lost = reservation.slots[2]?.enclaveId ?? ''
    const stuck = enclaves.hang(lost, 'keygen.install')
    for (const index of [1, 2, 3]) await register(plan, index)
    await stuck.asked()
    await othersInstalled(lost)
    enclaves.kill(lost)
    vi.advanceTimersByTime(EVER)
    const { state, failure, certificate } = await ended(keyId)
    expect({ state, certificate }).toEqual({ state: 'failed', certificate: null })
    expect(failure).toEqual({ code: 'keygen.hosts_lost', culprits: [3] })
    await expect(coordinator.key(keyId)).rejects.toEqual(code('key.not_found'))
    expect(await store.loadKeyAt(keyId, 0)).toBeNull()
    vi.useRealTimers()

    // Another host takes its place.
    enclaves.restart(lost)
    const other = await begin()
    for (const index of [1, 2, 3]) await register(other.plan, index)
    expect((await ended(other.keyId)).state).toBe('completed')
  })
})
