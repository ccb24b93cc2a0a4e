import { beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../shared/test/noticing.js'
import {
  ask,
  coordinator,
  decisionFor,
  enclaves,
  finished,
  inFreshHouses,
  isSigned,
  restartGateway,
  storedKey,
} from './house.ts'

inFreshHouses()

type Key = Awaited<ReturnType<typeof storedKey>>
let key: Key

let before = { commit: 0, partial: 0, stock: 0 }
const calls = () => ({
  commit: enclaves.count('signing.commit'),
  partial: enclaves.count('signing.partial'),
  stock: enclaves.count('signing.stock'),
})
/** Calls since there was a stock. */
const since = () => {
  const now = calls()
  return { commit: now.commit - before.commit, partial: now.partial - before.partial, stock: now.stock - before.stock }
}

/** Alice asks, and bob approves. */
async function sign() {
  const { request, status } = await ask(key)
  const begun = await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
  const done = await finished(status)
  expect(isSigned(key, done)).toBe(true)
  return { begun, done }
}

describe('a key that has signed', () => {
  beforeEach(async () => {
    key = await storedKey()
    expect((await sign()).begun.state).toBe('generating_nonces')
    expect(calls()).toMatchObject({ commit: 2, partial: 2 })
    // Until what is fetched meanwhile is there.
    while ((await sign()).begun.state === 'generating_nonces');
    before = calls()
    expect(before.stock).toBe(2)
  })

  it('signs without a round one: the attempt begins with the partials', async () => {
    const { begun, done } = await sign()
    expect(begun.state).toBe('generating_partial_signatures')
    expect(done).toMatchObject({ state: 'completed', attempt: 1, quorum: [1, 2] })
    expect(since()).toEqual({ commit: 0, partial: 2, stock: 0 })
  })

  it('is given more before it has none left', async () => {
    for (let n = 0; n < 12; n += 1) await sign()
    await until(() => since().stock === 2, 'another stock of each')
    expect(since().commit).toBe(0)
  })

  it.each(['nonce.spent', 'life.retired', 'enclave.timeout'] as const)(
    'signs all the same, in another attempt, where a host says %s of what it gave ahead',
    async (code) => {
      enclaves.fault('enclave-1', 'signing.partial', code)
      const { done } = await sign()
      expect(done.attempt).toBe(2)
      expect(since().commit).toBe(2)
    },
  )

  it('has hosts commit again after a restart of the gateway, which keeps no stock', async () => {
    await restartGateway()
    expect((await sign()).begun.state).toBe('generating_nonces')
  })

  it('has hosts commit again where one of them has another life', async () => {
    enclaves.restart('enclave-1')
    expect((await sign()).done.attempt).toBeLessThanOrEqual(2)
    expect(since().commit).toBeGreaterThan(0)
  })

  it('has a batch committed to as before', async () => {
    const { status, request } = await ask(key, 1, { items: [bytes('a'), bytes('b')] })
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await finished(status)).state).toBe('completed')
    expect(since().commit).toBe(2)
  })
})

const bytes = (text: string) => ({
  content: { type: 'bytes' as const, bytes: Buffer.from(text).toString('hex') },
  mode: { kind: 'plain' as const },
})
