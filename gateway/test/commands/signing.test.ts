import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Item } from '@quorate/shared/wire/content'
import { UserId } from '@quorate/shared/wire/ids'
import { describe, expect, it, vi } from 'vitest'
import type { Host } from '../../../shared/party/test/host.js'
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
  requestFor,
  restartGateway,
  stopTime,
  store,
  storedKey,
} from './house.ts'

inFreshHouses()

describe('a signing', () => {
  it('collects approvals, signs, and gives signatures with a receipt by each host of the quorum', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    expect(status).toMatchObject({ state: 'collecting_participants', version: 1, attempt: 0 })
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    const done = await finished(status)
    expect(done).toMatchObject({ state: 'completed', attempt: 1, quorum: [1, 2] })
    expect(isSigned(key, done)).toBe(true)
    expect(done.receipts.map(({ body }) => body.index)).toEqual([1, 2])
    expect((await store.verifyAudit()).records).toBe(2)
    expect(enclaves.count('key.load')).toBe(0)
    expect(enclaves.calls.some(({ enclaveId }) => enclaveId === 'enclave-2')).toBe(false)
  })

  it('starts at once when a standing grant covers it, and not when it does not', async () => {
    const grant = {
      askers: [UserId.parse('alice')],
      content: ['bytes' as const],
      expiresAt: 9e12,
      limit: { count: 9, seconds: 9 },
    }
    const key = await storedKey({ carol: grant })
    const { status } = await ask(key)
    expect(status).toMatchObject({ state: 'generating_nonces', quorum: [1, 3] })
    await finished(status)
    const { expiresAt, ...terms } = grant
    const params = { consents: [{ body: { index: 3, scope: { kind: 'standing', ...terms }, expiresAt } }] }
    const commits = enclaves.calls.filter(({ method }) => method === 'signing.commit')
    expect(new Set(commits.map(({ enclaveId }) => enclaveId))).toEqual(new Set(['enclave-0', 'enclave-2']))
    for (const call of commits) expect(call).toMatchObject({ params })
    expect((await ask(key, 2)).status.state).toBe('collecting_participants')
    const event = { created_at: 1, kind: 1, tags: [], content: '' }
    const items: Item[] = [{ content: { type: 'nostr-event', event }, mode: { kind: 'plain' } }]
    expect((await ask(key, 1, { items })).status.state).toBe('collecting_participants')
    expect(isSigned(key, await finished(status))).toBe(true)
  })

  it('answers the same request the same, and refuses another under its id', async () => {
    const key = await storedKey()
    const { request, sealedItems, status } = await ask(key)
    expect(await coordinator.requestSigning({ request, sealedItems })).toEqual(status)
    await expect(coordinator.requestSigning({ request, sealedItems: ['b3RoZXI'] })).rejects.toEqual(
      code('session.conflict'),
    )
    const other = await requestFor(key, 2, { signingId: request.body.signingId })
    await expect(coordinator.requestSigning(other)).rejects.toEqual(code('session.conflict'))
    expect((await coordinator.openSignings(request.body.keyId)).signings).toHaveLength(1)
  })

  it('begins one session when the same request comes many times at once', async () => {
    const key = await storedKey()
    const request = await requestFor(key, 1)
    const many = Array.from({ length: 5 }, () => coordinator.requestSigning(request))
    const settled = await Promise.allSettled(many)
    expect(settled.map(({ status }) => status)).toEqual(many.map(() => 'fulfilled'))
    expect((await coordinator.openSignings(key.plan.skeleton.keyId)).signings).toHaveLength(1)
  })

  it('sheds what plainly fails', async () => {
    const key = await storedKey()
    const { request, sealedItems } = await requestFor(key, 1)
    const forged = { ...request, signature: '00'.repeat(64) }
    await expect(coordinator.requestSigning({ request: forged, sealedItems })).rejects.toEqual(
      code('signing.request_invalid'),
    )
    const late = await requestFor(key, 1, { expiresAt: Date.now() - 1 })
    await expect(coordinator.requestSigning(late)).rejects.toEqual(code('consent.expired'))
    const far = await requestFor(key, 1, { expiresAt: 8e15 })
    await expect(coordinator.requestSigning(far)).rejects.toEqual(code('request.invalid'))
    const { status } = await ask(key)
    const wrong = await decisionFor(key, request, 2)
    await expect(coordinator.approve(status.signingId, wrong)).rejects.toEqual(code('consent.invalid'))
    await expect(coordinator.follow.signing.status('ff'.repeat(16) as never)).rejects.toEqual(code('request.not_found'))
  })

  it('ends when someone whose share is needed rejects', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2, 'reject'))
    expect((await coordinator.follow.signing.status(status.signingId)).state).toBe('collecting_participants')
    await expect(coordinator.approve(status.signingId, await decisionFor(key, request, 2, 'approve'))).rejects.toEqual(
      code('session.conflict'),
    )
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3, 'reject'))
    expect(await finished(status)).toMatchObject({
      state: 'failed',
      failure: { code: 'signing.rejected', culprits: [2, 3] },
    })
  })

  it('goes on without a cheat, and names it when it cannot', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-0', 'signing.aggregate', 'signing.bad_partial', [2])
    const { version } = await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    // Whether another attempt begins is saved together with the end of this one.
    const after = await coordinator.follow.signing.wait(status.signingId, { after: version, ms: EVER })
    expect(after.state).toBe('collecting_participants')
    enclaves.fault('enclave-0', 'signing.aggregate', 'signing.bad_partial', [3])
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
    expect(await finished(status)).toMatchObject({
      state: 'failed',
      failure: { code: 'signing.bad_partial', culprits: [3] },
    })
  })

  it('goes on without a host whose partial is not its own word, once another refuses that', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const host = enclaves.host('enclave-1')
    const call: Host['call'] = host.call.bind(host)
    const lying: Host['call'] = async (method, params) => {
      const said = await call(method, params)
      if (method !== 'signing.partial') return said
      const { partial, ...rest } = said as HostResult<'signing.partial'>
      return { ...rest, partial: { ...partial, signature: request.signature } } as typeof said
    }
    Object.assign(host, { call: lying })
    for (const index of [2, 3])
      await coordinator.approve(status.signingId, await decisionFor(key, request, index, 'approve'))
    const done = await finished(status)
    expect(done).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 3] })
    expect(isSigned(key, done)).toBe(true)
  })

  it('makes one status of a version for all who watch', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const [one, two]: [unknown[], unknown[]] = [[], []]
    const { watch } = coordinator.follow.signing
    for (const seen of [one, two]) watch(status.signingId, (next) => void seen.push(next))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    const done = await finished(status)
    expect(one.length).toBeGreaterThan(1)
    for (const [at, seen] of one.entries()) expect(two[at]).toBe(seen)
    expect(await coordinator.follow.signing.status(status.signingId)).toBe(done)
  })

  it('expires when not enough approve in time', async () => {
    const key = await storedKey()
    stopTime()
    const { status } = await ask(key, 1, { expiresAt: Date.now() + 1_000 })
    vi.advanceTimersByTime(1_001)
    expect(await finished(status)).toMatchObject({
      state: 'expired',
      failure: { code: 'signing.expired', culprits: [] },
    })
    expect((await coordinator.openSignings(status.keyId)).signings).toEqual([])
  })

  it('expires after a restart of the gateway, too', async () => {
    const key = await storedKey()
    stopTime()
    const { status } = await ask(key, 1, { expiresAt: Date.now() + 1_000 })
    await restartGateway()
    vi.advanceTimersByTime(1_001)
    expect(await finished(status)).toMatchObject({ state: 'expired' })
  })
})
