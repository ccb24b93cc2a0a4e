import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '@quorate/shared/errors'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { afterEach, describe, expect, it } from 'vitest'
import { memoryReplies } from '../../src/http/idempotency.ts'
import { until } from '../enclaves/recording.ts'
import { bearer, keyA, keygenStatus, post, startTestHttp, tokenFor, type TestHttp } from './fixture.ts'

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
    const begun = performance.now()
    const reply = fetch(statusUrl(http, '?wait=30s&after=1'), bearer(token))
    await until(() => http.asked.includes('wait 1 30000'))
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    expect(await (await reply).json()).toMatchObject({ version: 2, state: 'collecting_participants' })
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  it('answers with what stands when its time is over', async () => {
    const http = await start()
    const reply = await fetch(statusUrl(http, '?wait=50ms'), bearer(await tokenFor(http, keyA)))
    expect(await reply.json()).toMatchObject({ version: 1, state: 'reserved' })
    expect(http.asked).toContain('wait undefined 50')
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
    const text = read(http).then((reply) => reply.text())
    await until(() => http.watchers.size === 1)
    await sleep(30)
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    http.change(keygenStatus(keyA, 2, 'collecting_participants'))
    http.change(keygenStatus(keyA, 3, 'completed'))
    expect(idsIn(await text)).toEqual([1, 2, 3])
    expect(await text).toMatch(/^event: status\ndata: \{"keyId":"a{32}","version":3,"state":"completed"/m)
    await until(() => http.watchers.size === 0)
  })

  it('go on after Last-Event-ID', async () => {
    const http = await start()
    http.change(keygenStatus(keyA, 5, 'key_generation'))
    const text = read(http, { 'last-event-id': '5' }).then((reply) => reply.text())
    await until(() => http.watchers.size === 1)
    await sleep(30)
    http.change(keygenStatus(keyA, 6, 'completed'))
    expect(idsIn(await text)).toEqual([6])
  })

  it('stop watching when the reader leaves', async () => {
    const http = await start()
    const reply = await read(http)
    await reply.body?.cancel()
    await until(() => http.watchers.size === 0)
  })

  it('miss nothing that happens while they begin', async () => {
    const http = await start()
    const now = http.coordinator.keygenStatus.bind(http.coordinator)
    http.coordinator.keygenStatus = async (id) => {
      const status = await now(id)
      http.change(keygenStatus(keyA, 2, 'completed'))
      return status
    }
    expect(idsIn(await (await read(http)).text())).toEqual([1, 2])
  })
})

describe('closing', () => {
  it('answers who waits, ends streams and idle connections, and is done within two seconds', async () => {
    const http = await startTestHttp()
    const token = await tokenFor(http, keyA)
    const waiting = fetch(statusUrl(http, '?wait=60s'), bearer(token))
    const stream = fetch(`${http.api}/keygen/${keyA}/events`, bearer(token)).then((reply) => reply.text())
    const idle = connect(Number(new URL(http.url).port), '127.0.0.1')
    idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    const halfOpen = connect(Number(new URL(http.url).port), '127.0.0.1')
    halfOpen.write(
      'POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    )
    for (const socket of [idle, halfOpen]) socket.on('error', () => undefined).resume()
    await until(() => http.asked.includes('wait undefined 60000') && http.watchers.size === 2)
    await sleep(30)
    const begun = performance.now()
    await http.close()
    expect(performance.now() - begun).toBeLessThan(2_000)
    const reply = await waiting
    expect(reply.status).toBe(200)
    expect(reply.headers.get('connection')).toBe('close')
    expect(await reply.json()).toMatchObject({ state: 'reserved' })
    expect(await stream).toContain('id: 1')
    await expect(fetch(`${http.url}/healthz`)).rejects.toThrow()
  })

  it('takes no further request on a connection that is open', async () => {
    const http = await startTestHttp()
    let release = () => {}
    http.coordinator.reserve = () =>
      new Promise((_resolve, reject) => (release = () => reject(new Refusal('keygen.no_enclaves'))))
    const body = JSON.stringify({ scheme: 'frost-ed25519', threshold: 2, participants: ['a', 'b'] })
    const under = post(`${http.api}/keygen/reserve`, body)
    await sleep(30)
    const socket = connect(Number(new URL(http.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.write('GET /api/v1/enclaves HTTP/1.1\r\nHost: x\r\nX-Half: ')
    await sleep(30)
    const closed = http.close()
    await sleep(30)
    socket.write('y\r\n\r\n')
    await until(() => text.includes('gateway.draining'))
    expect(text).toMatch(/^HTTP\/1.1 503 /)
    release()
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
    const replies = { ...memoryReplies(), loadReply: () => Promise.reject(new Refusal('store.failed')) }
    const http = await start({ replies })
    const reply = await fetch(`${http.url}/readyz`)
    expect(reply.status).toBe(503)
    expect(await reply.json()).toMatchObject({ ready: false, store: 'failed' })
    expect((await fetch(`${http.url}/healthz`)).status).toBe(200)
  })
})
