import { describe, expect, it } from 'vitest'
import { makeKey, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { createCluster } from './support/cluster.ts'
import { askRefresh, refresh, runRounds, seconded } from '../../../shared/party/test/refresh.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'

const cluster = await createCluster()
const day = 86_400_000

const askedBy = (key: MadeKey, asker: number) => askRefresh(cluster, key, undefined, asker)
const begin = async (key: MadeKey, request: Awaited<ReturnType<typeof askRefresh>>) =>
  key.plan.hosts.get(1)!.call('refresh.round1', { index: 1, attempt: 1, request })

describe('a participant who has had a key refreshed', () => {
  it('gets no other refresh of it within a day, at no host, and is named; the others do', async () => {
    const first = await makeKey(cluster)
    const next = await refresh(cluster, first, await askedBy(first, 1))
    const again = await askedBy(next, 1)
    for (const [index, host] of next.plan.hosts)
      await expectRefusal(host.call('refresh.round1', { index, attempt: 1, request: again }), 'refresh.too_soon', [1])
    const other = await makeKey(cluster)
    await runRounds(other, await askedBy(other, 1))
    await refresh(cluster, next, await askedBy(next, 2))
  })

  it('gets one when a day is over, since it was installed and not since it was asked for', async () => {
    const first = await makeKey(cluster)
    const asked = await askRefresh(cluster, first, (body) => ({ ...body, expiresAt: body.askedAt + day }), 1)
    cluster.clock.now += 3_600_000
    const next = await refresh(cluster, first, asked)
    cluster.clock.now += day - 1
    await cluster.introduceAll()
    await expectRefusal(begin(next, await askedBy(next, 1)), 'refresh.too_soon', [1])
    cluster.clock.now += 1
    await runRounds(next, await askedBy(next, 1))
  })

  it('may ask as often as it takes until one is installed', async () => {
    const key = await makeKey(cluster)
    await runRounds(key, await askedBy(key, 1))
    await runRounds(key, await askedBy(key, 1))
  })

  it('gets one at once when a second participant signs it too', async () => {
    const first = await makeKey(cluster)
    const next = await refresh(cluster, first, await askedBy(first, 1))
    const request = await seconded(cluster, next, await askedBy(next, 1), 3)
    expect((await refresh(cluster, next, request)).certificate.body.epoch).toBe(2)
  })
})

describe('a second signature', async () => {
  const first = await makeKey(cluster)
  const key = await refresh(cluster, first, await askedBy(first, 1))

  it.each<[string, number, Parameters<typeof seconded>[4]]>([
    ['of the asker', 1, undefined],
    ['of nobody of the key', 2, (body) => ({ ...body, index: 9 })],
    ['of one in the name of another', 2, (body) => ({ ...body, index: 3 })],
    ['for another request', 2, (body) => ({ ...body, scope: { ...body.scope, requestDigest: first.digest } })],
    ['for another key', 2, (body) => ({ ...body, skeletonDigest: first.digest })],
  ])('%s is none, and names nobody, since who carries it may have put it there', async (_, signer, change) => {
    const request = await seconded(cluster, key, await askedBy(key, 1), signer, change)
    await expectRefusal(begin(key, request), 'refresh.request_invalid', [])
  })

  it.each<[string, Parameters<typeof seconded>[4]]>([
    ['that is over', (body) => ({ ...body, expiresAt: cluster.clock.now })],
    ['from the future', (body) => ({ ...body, givenAt: cluster.clock.now + day })],
  ])('%s is none', async (_, change) => {
    const request = await seconded(cluster, key, await askedBy(key, 1), 2, change)
    await expectRefusal(begin(key, request), 'consent.expired', [2])
  })
})
