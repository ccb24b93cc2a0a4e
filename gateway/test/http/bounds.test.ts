import { once } from 'node:events'
import { boundReached, Refusal } from '@quorate/shared/errors'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { memoryReplies } from '../../src/http/idempotency.ts'
import { until } from '../../../shared/test/noticing.js'
import {
  bearer,
  dial,
  keyA,
  keyB,
  keygenStatus,
  post,
  proofOf,
  startTestHttp,
  tokenFor,
  type TestHttp,
} from './fixture.ts'

const running: TestHttp[] = []
const start = async (...args: Parameters<typeof startTestHttp>) => {
  const http = await startTestHttp(...args)
  running.push(http)
  return http
}
afterEach(async () => {
  vi.useRealTimers()
  answers.length = 0
  await Promise.all(running.splice(0).map((http) => http.close()))
})

/** An answer that nobody holds is closed when memory is collected. */
const answers: Response[] = []
async function streamOf(http: TestHttp, token: string, key = keyA, headers: Record<string, string> = {}) {
  const reply = await fetch(`${http.api}/keygen/${key}/events`, { headers: { ...bearer(token).headers, ...headers } })
  answers.push(reply)
  return reply
}
const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
const problemOf = async (reply: Response) => ({
  ...((await reply.json()) as object),
  retryAfter: Number(reply.headers.get('retry-after')),
})

describe('event streams', () => {
  it.each(['token', 'key', 'address'] as const)(
    'of one %s are so many at most, and a place that is left is free',
    async (of) => {
      const http = await start({ bounds: { streams: { [of]: 2 } } })
      const token = await tokenFor(http, keyA)
      // Tokens of one second are the same.
      http.time.now += 1_000
      const another = await tokenFor(http, keyA)
      const streams = [await streamOf(http, token), await streamOf(http, token)]
      const refused = await streamOf(http, of === 'token' ? token : another)
      expect(refused.status).toBe(429)
      expect(await problemOf(refused)).toMatchObject({ code: 'bound.reached', bound: of, retryAfter: 15 })
      expect((await streamOf(http, another)).status).toBe(of === 'token' ? 200 : 429)
      expect((await streamOf(http, await tokenFor(http, keyB), keyB)).status).toBe(of === 'address' ? 429 : 200)
      const { size } = http.watchers
      await streams[0]!.body!.cancel()
      await until(() => http.watchers.size < size)
      expect((await streamOf(http, token)).status).toBe(200)
    },
  )

  it('by default are some dozens of one token, and do not keep others from theirs', async () => {
    const http = await start()
    const token = await tokenFor(http, keyA)
    const statuses: number[] = []
    for (let n = 0; n < 40; n += 1) statuses.push((await streamOf(http, token)).status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(32)
    expect((await streamOf(http, await tokenFor(http, keyB), keyB)).status).toBe(200)
  })

  it('of a gateway that is full make room for a new one: the oldest of who has most ends, and goes on elsewhere', async () => {
    const http = await start({ bounds: { streams: { gateway: 2 } } })
    const token = await tokenFor(http, keyA)
    const first = await streamOf(http, token)
    await streamOf(http, token)
    expect((await streamOf(http, await tokenFor(http, keyB), keyB)).status).toBe(200)
    expect(idsIn(await first.text())).toEqual([1])
  })

  it('end after some minutes and go on after Last-Event-ID: nothing is lost or said twice', async () => {
    const http = await start()
    const token = await tokenFor(http, keyA)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const first = await streamOf(http, token)
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    vi.advanceTimersByTime(300_000)
    const before = await first.text()
    expect(before).toMatch(/^retry: \d+$/m)
    const last = { 'last-event-id': String(idsIn(before).at(-1)) }
    http.change(keygenStatus(keyA, 3, 'key_generation'))
    const second = await streamOf(http, token, keyA, last)
    http.change(keygenStatus(keyA, 4, 'completed'))
    const after = await second.text()
    expect([...idsIn(before), ...idsIn(after)]).toEqual([1, 2, 3, 4])
    const third = await streamOf(http, token, keyA, { 'last-event-id': '4' })
    expect(third.status).toBe(204)
  })
})

describe('connections', () => {
  const ask = 'GET /api/v1/enclaves HTTP/1.1\r\nHost: x\r\n\r\n'
  const askHealth = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
  /** A connection that the gateway has answered on. */
  const open = async (http: TestHttp) => {
    const connection = dial(http.url)
    connection.socket.write(askHealth)
    await until(() => connection.text().includes('"alive":true'))
    return connection
  }

  it('beyond the bound are for health alone, and others are told whose bound it is', async () => {
    const http = await start({ bounds: { connections: { most: 3, reserve: 4 } } })
    const held = [await open(http), await open(http), await open(http)]
    const late = dial(http.url)
    const closed = once(late.socket, 'close')
    late.socket.write(ask)
    await closed
    expect(late.text()).toMatch(/^HTTP\/1.1 429 /)
    expect(late.text()).toContain('"bound":"gateway"')
    expect(late.text().toLowerCase()).toContain('retry-after: 5')
    await open(http)
    held[0]!.socket.write(ask)
    await until(() => held[0]!.text().includes('"enclaves"'))
    for (const { socket } of held) socket.destroy()
  })

  it('of one address are so many at most, unless proxies are trusted, whose address says nothing', async () => {
    const http = await start({ bounds: { connections: { perAddress: 2 } } })
    await open(http)
    await open(http)
    const late = dial(http.url)
    const closed = once(late.socket, 'close')
    late.socket.write(ask)
    await closed
    expect(late.text()).toContain('"bound":"address"')
    await open(http)
  })
})

describe('bounds', () => {
  it('are said with whose they are, and with Retry-After where waiting helps', async () => {
    const http = await start()
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: ['ann', 'bob'] }
    const reserve = () => post(`${http.api}/keygen/reserve`, wish, { 'idempotency-key': 'k' })
    const reserveNow = http.coordinator.reserve.bind(http.coordinator)
    http.coordinator.reserve = () => Promise.reject(boundReached('address', 60))
    expect(await problemOf(await reserve())).toMatchObject({ code: 'bound.reached', bound: 'address', retryAfter: 60 })
    http.coordinator.reserve = () => Promise.reject(boundReached('gateway'))
    const refused = await reserve()
    expect(refused.headers.has('retry-after')).toBe(false)
    expect(await refused.json()).toMatchObject({ bound: 'gateway' })
    http.coordinator.reserve = () => Promise.reject(new Refusal('keygen.no_enclaves'))
    const other = await reserve()
    expect(other.headers.get('retry-after')).toBe('1')
    expect(await other.json()).not.toHaveProperty('bound')
    http.coordinator.reserve = reserveNow
    expect((await reserve()).status).toBe(200)
  })

  it('count a keygen for the address that it comes from', async () => {
    const http = await start({ limits: { ratePerMinute: 100, trustedProxies: 1, corsOrigin: null } })
    const seen: string[] = []
    http.coordinator.reserve = (_, holder) => {
      seen.push(holder)
      return Promise.reject(boundReached('address'))
    }
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: ['ann', 'bob'] }
    for (const from of ['10.0.0.1', '2001:db8::1', '2001:db8:0:0:9::2'])
      await post(`${http.api}/keygen/reserve`, wish, { 'x-forwarded-for': from })
    expect(seen[0]).toBe('10.0.0.1')
    // Of IPv6, the network.
    expect(seen[1]).toBe(seen[2])
  })

  it('keep so many proofs of one key in mind at once', async () => {
    const http = await start()
    const open = async (keyId: typeof keyA) => post(`${http.api}/sessions`, await proofOf(http.reader, { keyId }))
    for (let n = 0; n < 1_000; n += 1) expect((await open(keyA)).status).toBe(200)
    expect(await problemOf(await open(keyA))).toMatchObject({ bound: 'key', retryAfter: 120 })
    expect((await open(keyB)).status).toBe(200)
    http.time.now += 120_001
    const body = await proofOf(http.reader, { keyId: keyA, time: http.time.now })
    expect((await post(`${http.api}/sessions`, body)).status).toBe(200)
  })

  it('keep so many answers under the Idempotency-Keys of one address, and push out nobody else’s', async () => {
    const replies = memoryReplies(4)
    const reply = { digest: 'd', status: 200, body: '{}' }
    const save = (key: string, holder: string, most = 3) =>
      replies.saveReply({ scope: 's', key, holder, most }, reply, 10)
    await save('mine', 'somebody')
    for (const key of ['a', 'b', 'c', 'd']) await save(key, 'a stranger')
    await save('yours', 'somebody else')
    const kept = await Promise.all(['mine', 'yours', 'a', 'b', 'c', 'd'].map((key) => replies.loadReply('s', key, 0)))
    expect(kept.map((one) => one !== null)).toEqual([true, true, false, false, true, true])
  })
})
