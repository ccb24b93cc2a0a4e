import { describe, expect, it, vi } from 'vitest'
import { turn } from '../../../shared/test/noticing.js'
import {
  ask,
  code,
  coordinator,
  decisionFor,
  EVER,
  finished,
  inFreshHouses,
  logged,
  stopTime,
  storedKey,
} from './house.ts'

inFreshHouses()

describe('waiting', () => {
  it('ends with the next version, at the end of its time, on abort, or when the gateway closes', async () => {
    stopTime()
    const key = await storedKey()
    const { request, status } = await ask(key)
    const { signingId, version } = status
    const next = coordinator.follow.signing.wait(signingId, { after: version, ms: EVER })
    await coordinator.approve(signingId, await decisionFor(key, request, 2))
    expect((await next).version).toBeGreaterThan(version)
    const other = (await ask(key)).status
    const patient = coordinator.follow.signing.wait(other.signingId, { ms: 1_000 })
    // An open session is found in memory, so that one waits after a turn.
    await turn()
    vi.advanceTimersByTime(1_000)
    expect(await patient).toEqual(other)
    const aborting = new AbortController()
    const aborted = coordinator.follow.signing.wait(other.signingId, { ms: EVER, signal: aborting.signal })
    aborting.abort()
    expect(await aborted).toEqual(other)
    const closing = coordinator.follow.signing.wait(other.signingId, { ms: EVER })
    await turn()
    await coordinator.close()
    expect(await closing).toEqual(other)
    await expect(coordinator.follow.signing.wait(other.signingId, { ms: EVER })).rejects.toEqual(
      code('gateway.draining'),
    )
  })

  it('for signings of a key ends when one appears', async () => {
    const key = await storedKey()
    const { keyId } = key.plan.skeleton
    // The key is in memory from here on, so that one waits after a turn.
    expect((await coordinator.openSignings(keyId)).signings).toEqual([])
    let isOver = false
    const appearing = coordinator.waitSignings(keyId, { ms: EVER }).finally(() => (isOver = true))
    await turn()
    expect(isOver).toBe(false)
    const { status, sealedItems } = await ask(key)
    expect(await appearing).toEqual({ signings: [{ ...status, sealedItems }], next: null, newest: status.signingId })
  })

  it('for signings of a key that came after another ends with a new one, and has that one alone', async () => {
    const key = await storedKey()
    const { keyId } = key.plan.skeleton
    const first = (await ask(key)).status.signingId
    const { newest } = await coordinator.openSignings(keyId)
    expect(newest).toBe(first)
    let isOver = false
    const waiting = { ms: EVER }
    const appearing = coordinator.waitSignings(keyId, waiting, { after: first }).finally(() => (isOver = true))
    await turn()
    expect(isOver).toBe(false)
    const { status, sealedItems } = await ask(key)
    const { signingId } = status
    expect(await appearing).toEqual({ signings: [{ ...status, sealedItems }], next: null, newest: signingId })
    expect((await coordinator.openSignings(keyId, { after: signingId })).signings).toEqual([])
  })

  it('for signings that came after one which has ended begins anew', async () => {
    const key = await storedKey()
    const { keyId } = key.plan.skeleton
    const left = (await ask(key)).status
    const { request, status } = await ask(key)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await finished(status)
    const page = await coordinator.waitSignings(keyId, { ms: EVER }, { after: status.signingId })
    expect(page.signings.map(({ signingId }) => signingId)).toEqual([left.signingId])
    expect(page.newest).toBe(left.signingId)
  })

  it('by watching does not harm the session when the watcher fails', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    coordinator.follow.signing.watch(status.signingId, () => {
      throw new Error('a secret')
    })
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await finished(status)).state).toBe('completed')
    expect(logged.some((line) => line.includes('"gateway.fault"'))).toBe(true)
    expect(logged.some((line) => line.includes('a secret'))).toBe(false)
    logged.length = 0
  })

  it('by watching sees what was saved, once and in order', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const seen: [number, string][] = []
    const stop = coordinator.follow.signing.watch(status.signingId, ({ version, state }) => seen.push([version, state]))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await finished(status)
    stop()
    expect(seen).toEqual([
      [2, 'generating_nonces'],
      [3, 'completed'],
    ])
  })
})
