import { describe, expect, it, vi } from 'vitest'
import { turn, until } from '../../../shared/test/noticing.js'
import {
  ask,
  coordinator,
  decisionFor,
  enclaves,
  finished,
  inFreshHouses,
  isSigned,
  restartGateway,
  startGateway,
  stopGateway,
  stopTime,
  storedKey,
} from './house.ts'

inFreshHouses()

/** The start has found out that hosts are away whose answers are owed: it listens for them, besides what watches their health. */
/** Health and recall listen all the time. */
const startWaits = () => until(() => enclaves.listeners === 3, 'the start to listen for hosts')

describe('a signing', () => {
  it('waits for a host that is behind the epoch in force', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-1', 'signing.commit', 'epoch.stale')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2 })
  })

  it.each(['signing.commit', 'signing.partial'] as const)(
    'takes another quorum when a host is lost in %s, and the next signing avoids that host',
    async (method) => {
      const key = await storedKey()
      const { request, status } = await ask(key)
      enclaves.fault('enclave-0', method, () => enclaves.kill('enclave-0'))
      await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
      await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
      expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [2, 3] })
      const next = await ask(key)
      await coordinator.approve(next.status.signingId, await decisionFor(key, next.request, 2))
      await coordinator.approve(next.status.signingId, await decisionFor(key, next.request, 3))
      expect(await finished(next.status)).toMatchObject({ state: 'completed', attempt: 1, quorum: [2, 3] })
    },
  )

  it('takes fresh nonces when a host restarts in signing.partial', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-0', 'signing.partial', () => enclaves.restart('enclave-0'))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    const done = await finished(status)
    expect(done).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 2] })
    expect(isSigned(key, done)).toBe(true)
    expect(enclaves.count('key.load', 'enclave-0')).toBe(1)
  })

  it('waits for a host that is lost in signing.aggregate, where all partials are there, and signs no second time', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-0', 'signing.aggregate', () => {
      enclaves.kill('enclave-0')
      enclaves.restart('enclave-0')
    })
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1, quorum: [1, 2] })
    expect(enclaves.count('signing.partial')).toBe(2)
    expect(enclaves.count('key.load', 'enclave-0')).toBe(1)
  })

  it('waits while too few enclaves are there, and goes on when one is ready', async () => {
    const key = await storedKey()
    enclaves.kill('enclave-1')
    const { request, status } = await ask(key)
    // Whether there is a quorum is saved together with the approval.
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await coordinator.follow.signing.status(status.signingId)).state).toBe('collecting_participants')
    expect(enclaves.count('signing.commit')).toBe(0)
    enclaves.restart('enclave-1')
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1 })
  })

  it('tries a host again that was too slow, when there is no other', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const stuck = enclaves.hang('enclave-1', 'signing.partial')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await stuck.asked()
    stuck.timeOut()
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 2] })
  })

  it('asks a host that was stuck for nothing but a hello until it answers one', async () => {
    stopTime()
    const key = await storedKey()
    const { request, status } = await ask(key)
    const stuck = enclaves.hang('enclave-1', 'signing.commit')
    for (let hellos = 0; hellos < 2; hellos += 1) enclaves.fault('enclave-1', 'hello', 'enclave.timeout')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await stuck.asked()
    stuck.timeOut()
    // Time goes on until its rests are over, however late what it said last was heard.
    while (enclaves.count('hello', 'enclave-1') < 3) {
      await turn()
      vi.advanceTimersByTime(1)
    }
    vi.useRealTimers()
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 2] })
    const asked = enclaves.calls.filter((call) => call.enclaveId === 'enclave-1').map(({ method }) => method)
    expect(asked.slice(asked.indexOf('signing.commit'), asked.lastIndexOf('hello') + 1)).toEqual([
      'signing.commit',
      'hello',
      'hello',
      'hello',
    ])
  })

  it.each(['signing.commit', 'signing.partial', 'signing.aggregate'] as const)(
    'goes on after the gateway restarted in %s, and no nonce signs twice',
    async (method) => {
      const key = await storedKey()
      const { request, status } = await ask(key)
      const stuck = enclaves.hang('enclave-0', method)
      await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
      await stuck.asked()
      await restartGateway()
      expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1 })
    },
  )

  it('stays in its attempt when a restarted gateway reaches the hosts only after a while', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const stuck = enclaves.hang('enclave-1', 'signing.partial')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await stuck.asked()
    for (const id of ['enclave-0', 'enclave-1']) enclaves.kill(id)
    await stopGateway()
    const restarted = startGateway()
    await startWaits()
    for (const id of ['enclave-0', 'enclave-1']) enclaves.reach(id)
    await restarted
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1 })
  })

  it('begins another attempt when a restarted gateway does not reach one of its hosts', async () => {
    stopTime()
    const key = await storedKey()
    const { request, status } = await ask(key)
    const stuck = enclaves.hang('enclave-1', 'signing.partial')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await stuck.asked()
    enclaves.kill('enclave-1')
    await stopGateway()
    const restarted = startGateway({ roundTimeoutMs: 1_000 })
    await startWaits()
    vi.advanceTimersByTime(1_000)
    await restarted
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 3] })
  })
})
