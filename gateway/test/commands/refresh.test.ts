import { Refusal } from '@quorate/shared/errors'
import { verifyInstalled, verifyPrepared, verifySuccessor } from '@quorate/shared/verify/refresh'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import { describe, expect, it, vi } from 'vitest'
import { askRefresh } from '../../../shared/party/test/refresh.js'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
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
  restartGateway,
  stopTime,
  store,
  storedKey,
  type Key,
} from './house.ts'

inFreshHouses()

const rounds = ['refresh.round1', 'refresh.round2', 'refresh.round3'] as const
const all = [...rounds, 'refresh.prepare', 'refresh.install'] as const

const requestFor = (key: Key, change: (body: RefreshRequest['body']) => RefreshRequest['body'] = (body) => body) =>
  askRefresh(enclaves.group, key, (body) => change({ ...body, expiresAt: Date.now() + EVER }))

/** Alice asks for a refresh of her key. */
async function begin(key: Key): Promise<RefreshStatus> {
  const request = await requestFor(key)
  return coordinator.requestRefresh(key.plan.skeleton.keyId, request)
}
const over = ({ refreshId }: RefreshStatus) => coordinator.follow.refresh.wait(refreshId, { ms: EVER })

/** The key at the epoch that a completed refresh has brought, verified as its people do. */
async function after(key: Key, status: RefreshStatus): Promise<Key> {
  const { state, certificate, prepared, installed } = status
  expect(state).toBe('completed')
  const verified = await verifySuccessor({ certificate: key.certificate.body, digest: key.digest }, certificate!)
  await verifyInstalled(verified, await verifyPrepared(verified, prepared), installed)
  return { plan: key.plan, certificate: certificate!, digest: verified.digest }
}

/** Alice asks for a signature at the epoch of this key, and bob approves. */
async function signs(key: Key): Promise<boolean> {
  const { request, status } = await ask(key)
  await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
  return isSigned(key, await finished(status))
}

describe('a refresh', () => {
  it('gives all hosts new shares of the same key, which signs before and after, each time at its epoch', async () => {
    const key = await storedKey()
    expect(await signs(key)).toBe(true)
    const next = await after(key, await over(await begin(key)))
    expect(next.certificate.body).toMatchObject({ epoch: 1, groupKey: key.certificate.body.groupKey })
    await expect(ask(key)).rejects.toEqual(code('epoch.stale'))
    expect(await signs(next)).toBe(true)
    const { keyId } = key.plan.skeleton
    const epochs = await coordinator.epochs(keyId, 0)
    expect(epochs.map(({ certificate }) => certificate)).toEqual([key.certificate, next.certificate])
    expect(epochs.map(({ installed }) => installed.length)).toEqual([3, 3])
    expect((await store.loadKeyAt(keyId, 0))?.shares ?? []).toEqual([])
    await store.verifyAudit()
  })

  it('is begun by one participant so many times a day, whatever becomes of it, and by the others all the same', async () => {
    await restartGateway({ refreshesPerAsker: 1 })
    const key = await storedKey()
    const first = await begin(key)
    const { refreshId } = first
    const next = await after(key, await over(first))
    const again = await askRefresh(enclaves.group, next, (body) => ({ ...body, expiresAt: Date.now() + EVER }), 1)
    const { keyId } = next.plan.skeleton
    await expect(coordinator.requestRefresh(keyId, again)).rejects.toMatchObject({
      code: 'bound.reached',
      bound: { of: 'asker' },
    })
    // What was begun before is answered as before.
    expect((await coordinator.follow.refresh.status(refreshId)).state).toBe('completed')
    // By bob.
    await after(next, await over(await begin(next)))
  })

  it('may follow another', async () => {
    const key = await storedKey()
    const next = await after(key, await over(await begin(key)))
    const last = await after(next, await over(await begin(next)))
    expect(last.certificate.body.epoch).toBe(2)
    expect(await signs(last)).toBe(true)
  })

  it('is one at a time for a key, and the same when it is asked for again', async () => {
    const key = await storedKey()
    const stuck = enclaves.hang('enclave-1', 'refresh.round2')
    const request = await requestFor(key)
    const { keyId } = key.plan.skeleton
    const status = await coordinator.requestRefresh(keyId, request)
    await stuck.asked()
    await expect(begin(key)).rejects.toEqual(code('session.conflict'))
    expect((await coordinator.requestRefresh(keyId, request)).refreshId).toBe(status.refreshId)
    const another = await requestFor(key, (body) => ({ ...body, refreshId: status.refreshId, askedAt: 1 }))
    await expect(coordinator.requestRefresh(keyId, another)).rejects.toEqual(code('session.conflict'))
    stuck.timeOut()
    await after(key, await over(status))
    expect((await coordinator.requestRefresh(keyId, request)).state).toBe('completed')
  })

  it('is not begun by who is nobody of the key, for another epoch, or too late', async () => {
    const key = await storedKey()
    const { keyId } = key.plan.skeleton
    const refused = async (request: RefreshRequest, expected: string) =>
      expect(coordinator.requestRefresh(keyId, request)).rejects.toEqual(code(expected))
    const request = await requestFor(key)
    await refused({ ...request, signature: '00'.repeat(64) }, 'refresh.request_invalid')
    await refused(await requestFor(key, (body) => ({ ...body, asker: 2 })), 'refresh.request_invalid')
    await refused(await requestFor(key, (body) => ({ ...body, epoch: 1 })), 'epoch.stale')
    await refused(await requestFor(key, (body) => ({ ...body, expiresAt: Date.now() - 1 })), 'consent.expired')
    expect(enclaves.count('refresh.round1')).toBe(0)
  })

  it.each(all)('comes through when a host restarts in %s', async (method) => {
    const key = await storedKey()
    enclaves.fault('enclave-1', method, () => enclaves.restart('enclave-1'))
    const next = await after(key, await over(await begin(key)))
    expect(enclaves.count(method, 'enclave-1')).toBeGreaterThan(1)
    expect(await signs(next)).toBe(true)
  })

  it.each(all)('comes through when a host is lost in %s, and is there again', async (method) => {
    const key = await storedKey()
    let isLost = false
    enclaves.fault('enclave-2', method, () => {
      enclaves.kill('enclave-2')
      isLost = true
      noticed()
    })
    const status = await begin(key)
    await until(() => isLost, 'the host to be lost')
    enclaves.reach('enclave-2')
    const next = await after(key, await over(status))
    expect(await signs(next)).toBe(true)
  })

  it.each(all)('goes on after a restart of the gateway in %s', async (method) => {
    const key = await storedKey()
    const stuck = enclaves.hang('enclave-0', method)
    const status = await begin(key)
    await stuck.asked()
    await restartGateway()
    const next = await after(key, await over(status))
    expect(await signs(next)).toBe(true)
  })

  it('is prepared anew, and installed over what all say then, when a host that had prepared has restarted', async () => {
    const key = await storedKey()
    enclaves.fault('enclave-0', 'refresh.install', () => enclaves.restart('enclave-2'))
    await after(key, await over(await begin(key)))
    expect(enclaves.count('refresh.prepare', 'enclave-2')).toBeGreaterThan(1)
  })

  it('asks a host that has lost its share, and can be given none, when something changes, and not all the time', async () => {
    stopTime()
    const key = await storedKey()
    let isLost = false
    // What is brought to it does not open.
    const spoil = () => {
      enclaves.fault('enclave-1', 'key.load', () => {
        if (!isLost) return
        spoil()
        throw new Refusal('seal.invalid')
      })
    }
    enclaves.fault('enclave-1', 'refresh.install', () => {
      enclaves.restart('enclave-1')
      isLost = true
      spoil()
    })
    const asked = () => enclaves.count('refresh.install', 'enclave-1')
    const status = await begin(key)
    await until(() => enclaves.count('key.load', 'enclave-1') > 0, 'the host to be given a share in vain')
    for (let seconds = 0; seconds < 300; seconds += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      for (let turns = 0; turns < 4; turns += 1) await turn()
    }
    expect(asked()).toBeLessThan(20)
    expect((await coordinator.follow.refresh.status(status.refreshId)).state).toBe('installing')

    isLost = false
    const before = asked()
    vi.useRealTimers()
    enclaves.reach('enclave-2')
    await until(() => asked() > before, 'the host to be asked again')
    const next = await after(key, await over(status))
    expect(await signs(next)).toBe(true)
  })

  it('names a host that cheats, and leaves the key as it was', async () => {
    const key = await storedKey()
    enclaves.fault('enclave-0', 'refresh.round3', 'keygen.bad_package', [2])
    expect(await over(await begin(key))).toMatchObject({
      state: 'failed',
      failure: { code: 'keygen.bad_package', culprits: [2] },
      certificate: null,
    })
    expect(await signs(key)).toBe(true)
  })

  it('ends by its deadline when a host stays away, with its index, and the key signs as before', async () => {
    stopTime()
    const key = await storedKey()
    enclaves.kill('enclave-2')
    const status = await begin(key)
    expect(status.state).toBe('gathering')
    vi.advanceTimersByTime(EVER + 1)
    expect(await over(status)).toMatchObject({
      state: 'failed',
      failure: { code: 'refresh.hosts_lost', culprits: [3] },
    })
    expect(await signs(key)).toBe(true)
  })
})

describe('a signing while its key is refreshed', () => {
  it('is done at the epoch before until all hosts have prepared', async () => {
    const key = await storedKey()
    const stuck = enclaves.hang('enclave-2', 'refresh.prepare')
    const status = await begin(key)
    await stuck.asked()
    expect(await signs(key)).toBe(true)
    stuck.timeOut()
    await after(key, await over(status))
  })

  it('ends when its hosts have gone to the next epoch before enough have approved', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key, 1, { expiresAt: Date.now() + EVER })
    stopTime()
    const refresh = await refreshIn('holding', await begin(key))
    vi.advanceTimersByTime(600_001)
    await over(refresh)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2)).catch(() => undefined)
    expect(await finished(status)).toMatchObject({ state: 'failed', failure: { code: 'epoch.stale' }, results: null })
  })
})
