import { once } from 'node:events'
import { Refusal } from '@quorate/shared/errors'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defaultTimeouts } from '../../src/http/server.ts'
import { noticed, until } from '../../../shared/test/noticing.js'
import { bearer, dial, keyA, keygenStatus, post, startTestHttp, tokenFor, type TestHttp } from './fixture.ts'

const running: TestHttp[] = []
const start = async (...args: Parameters<typeof startTestHttp>) => {
  const http = await startTestHttp(...args)
  running.push(http)
  return http
}
afterEach(() => Promise.all(running.splice(0).map((http) => http.close())))

const statusUrl = (http: TestHttp, query: string) => `${http.api}/keygen/${keyA}/status${query}`

describe('a waiting GET', () => {
  it('wakes on the event that it waits for', async () => {
    const http = await start()
    const token = await tokenFor(http, keyA)
    const reply = fetch(statusUrl(http, '?wait=30s&after=1'), bearer(token))
    await until(() => http.asked.includes('wait 1 30000'))
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    expect(await (await reply).json()).toMatchObject({ version: 2, state: 'collecting_participants' })
  })

  it('answers with what stands when its time is over', async () => {
    const http = await start()
    const reply = fetch(statusUrl(http, '?wait=50ms'), bearer(await tokenFor(http, keyA)))
    await until(() => http.asked.includes('wait undefined 50'))
    http.endWaits()
    expect(await (await reply).json()).toMatchObject({ version: 1, state: 'reserved' })
  })

  it.each(['?wait=61s', '?wait=-1s', '?wait=1', '?wait=1m', '?wait=1e3s', '?wait=1s&wait=2s', '?after=-1', '?after=x'])(
    'takes no other form than its own: %s',
    async (query) => {
      const http = await start()
      expect((await fetch(statusUrl(http, query), bearer(await tokenFor(http, keyA)))).status).toBe(400)
    },
  )

  it('ends inside when the asker leaves', async () => {
    const http = await start()
    const left = new AbortController()
    const token = await tokenFor(http, keyA)
    const reply = fetch(statusUrl(http, '?wait=30s'), { ...bearer(token), signal: left.signal })
    await until(() => http.asked.includes('wait undefined 30000'))
    left.abort()
    await expect(reply).rejects.toThrow()
    await until(() => http.asked.includes('aborted'))
  })
})

describe('server-sent events', () => {
  const read = async (http: TestHttp, headers: Record<string, string> = {}) => {
    const token = await tokenFor(http, keyA)
    const reply = await fetch(`${http.api}/keygen/${keyA}/events`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    expect(reply.headers.get('content-type')).toBe('text/event-stream')
    return reply
  }
  const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))

  it('give every status with its version as id, and end with the session', async () => {
    const http = await start()
    const reply = await read(http)
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    http.change(keygenStatus(keyA, 3, 'completed'))
    const text = await reply.text()
    expect(idsIn(text)).toEqual([1, 2, 3])
    expect(text).toMatch(/^event: status\ndata: \{"keyId":"a{32}","version":3,"state":"completed"/m)
    await until(() => http.watchers.size === 0)
  })

  it('go on after Last-Event-ID', async () => {
    const http = await start()
    http.change(keygenStatus(keyA, 5, 'key_generation'))
    const reply = await read(http, { 'last-event-id': '5' })
    http.change(keygenStatus(keyA, 6, 'completed'))
    expect(idsIn(await reply.text())).toEqual([6])
  })

  it('stop watching when the reader leaves', async () => {
    const http = await start()
    const reply = await read(http)
    await reply.body?.cancel()
    await until(() => http.watchers.size === 0)
  })

  it('miss nothing that happens while they begin', async () => {
    const http = await start()
    const { keygen } = http.coordinator.follow
    const now = keygen.status
    Object.assign(keygen, {
      status: async (id: string) => {
        const status = await now(id)
        http.change(keygenStatus(keyA, 2, 'completed'))
        return status
      },
    })
    expect(idsIn(await (await read(http)).text())).toEqual([1, 2])
  })
})

describe('closing', () => {
  afterEach(() => vi.useRealTimers())
  const asksForHealth = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'

  it('answers who waits, ends streams and idle connections at once, and cuts the rest off when its time is up', async () => {
    const http = await startTestHttp()
    const token = await tokenFor(http, keyA)
    const waiting = fetch(statusUrl(http, '?wait=60s'), bearer(token))
    const stream = await fetch(`${http.api}/keygen/${keyA}/events`, bearer(token))
    const idle = dial(http.url)
    idle.socket.write(asksForHealth)
    const idleClosed = once(idle.socket, 'close')
    // The gateway has read the head of a request when it says that the body may come.
    const halfOpen = dial(http.url)
    const head = 'Host: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n'
    halfOpen.socket.write(`POST /api/v1/sessions HTTP/1.1\r\n${head}\r\n`)
    let isCut = false
    const cut = once(halfOpen.socket, 'close').then(() => (isCut = true))
    await until(
      () =>
        http.asked.includes('wait undefined 60000') && idle.text() !== '' && halfOpen.text().includes('100 Continue'),
    )

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const closed = http.close()
    const reply = await waiting
    expect(reply.status).toBe(200)
    expect(reply.headers.get('connection')).toBe('close')
    expect(await reply.json()).toMatchObject({ state: 'reserved' })
    expect(await stream.text()).toContain('id: 1')
    await idleClosed
    expect(isCut).toBe(false)
    vi.advanceTimersByTime(defaultTimeouts.drain)
    await closed
    await cut
    await expect(fetch(`${http.url}/healthz`)).rejects.toThrow()
  })

  it('takes no further request on a connection that is open', async () => {
    const http = await startTestHttp()
    let release: (() => void) | null = null
    http.coordinator.reserve = () =>
      new Promise((_resolve, reject) => {
        release = () => reject(new Refusal('keygen.no_enclaves'))
        noticed()
      })
    const body = JSON.stringify({ scheme: 'frost-ed25519', threshold: 2, participants: ['a', 'b'] })
    const under = post(`${http.api}/keygen/reserve`, body)
    // The answer to the first request says that the gateway has begun to read the second.
    const { socket, text } = dial(http.url)
    socket.write(`${asksForHealth}GET /api/v1/enclaves HTTP/1.1\r\nHost: x\r\nX-Half: `)
    await until(() => release !== null && text().includes('"alive":true'))
    const closed = http.close()
    socket.write('y\r\n\r\n')
    await until(() => text().includes('gateway.draining'))
    expect(text()).toContain('HTTP/1.1 503 ')
    release!()
    expect((await under).status).toBe(503)
    await closed
  })
})

describe('health', () => {
  it('answers on both doors, and the metrics on their own alone', async () => {
    const http = await start()
    for (const url of [http.url, http.metricsUrl]) {
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      expect((await fetch(`${url}/readyz`)).status).toBe(200)
    }
    expect((await fetch(`${http.metricsUrl}/metrics`)).status).toBe(200)
    expect((await fetch(`${http.url}/metrics`)).status).toBe(404)
  })

  it('is ready with one enclave, and says which are not', async () => {
    const http = await start()
    http.states.set(EnclaveId.parse('enclave-1'), { state: 'down', identity: null, sealing: null })
    const some = await fetch(`${http.url}/readyz`)
    expect(some.status).toBe(200)
    expect(await some.json()).toEqual({
      ready: true,
      store: 'open',
      enclaves: { 'enclave-0': 'ready', 'enclave-1': 'down' },
    })
    http.states.set(EnclaveId.parse('enclave-0'), { state: 'locked', identity: null, sealing: null })
    const none = await fetch(`${http.url}/readyz`)
    expect(none.status).toBe(503)
    expect(await none.json()).toMatchObject({ ready: false, enclaves: { 'enclave-0': 'locked' } })
  })

  it('is not ready when the store does not answer', async () => {
    const fitness = () => Promise.resolve({ state: 'failed' as const, cause: 'SQLITE_FULL' })
    const http = await start({ fitness })
    const reply = await fetch(`${http.url}/readyz`)
    expect(reply.status).toBe(503)
    expect(await reply.json()).toMatchObject({ ready: false, store: 'failed', cause: 'SQLITE_FULL' })
    expect((await fetch(`${http.url}/healthz`)).status).toBe(200)
  })
})
