import { Refusal } from '@quorate/shared/errors'
import { afterEach, describe, expect, it } from 'vitest'
import { memoryReplies } from '../../src/http/idempotency.ts'
import { noticed, until } from '../../../shared/test/noticing.js'
import { answerOf, keyA, post, startTestHttp, type TestHttp } from './fixture.ts'

const good = { scheme: 'frost-ed25519', threshold: 2, participants: ['ann', 'bob'] }
const other = { ...good, participants: ['ann', 'carol'] }
const running: TestHttp[] = []
const start = async (...args: Parameters<typeof startTestHttp>) => {
  const http = await startTestHttp(...args)
  running.push(http)
  return http
}
afterEach(() => Promise.all(running.splice(0).map((http) => http.close())))

const reserve = async (http: TestHttp, body: unknown, key?: string) =>
  answerOf(await post(`${http.api}/keygen/reserve`, body, key === undefined ? {} : { 'idempotency-key': key }))

describe('an Idempotency-Key', () => {
  it('gives the same answer to the same request, and acts once', async () => {
    const http = await start()
    const first = await reserve(http, good, 'k1')
    expect(await reserve(http, good, 'k1')).toEqual(first)
    expect(http.asked).toEqual(['reserve'])
    expect(await reserve(http, good, 'k2')).not.toEqual(first)
    expect(await reserve(http, good)).not.toEqual(first)
  })

  it('acts once when the same request comes many times together', async () => {
    const http = await start()
    const replies = await Promise.all(Array.from({ length: 20 }, () => reserve(http, good, 'k')))
    expect(new Set(replies.map(({ body }) => body)).size).toBe(1)
    expect(http.asked).toEqual(['reserve'])
  })

  it('is a conflict with another body, afterwards and at the same time', async () => {
    const http = await start()
    let release: (() => void) | null = null
    const reserveNow = http.coordinator.reserve.bind(http.coordinator)
    http.coordinator.reserve = async (body, holder) => {
      await new Promise<void>((resolve) => {
        release = resolve
        noticed()
      })
      return await reserveNow(body, holder)
    }
    const first = reserve(http, good, 'k')
    await until(() => release !== null)
    expect(await reserve(http, other, 'k')).toMatchObject({ status: 409 })
    release!()
    expect((await first).status).toBe(200)
    const conflict = await reserve(http, other, 'k')
    expect(conflict.status).toBe(409)
    expect(JSON.parse(conflict.body)).toMatchObject({ code: 'request.idempotency_conflict' })
    expect(http.asked).toEqual(['reserve'])
  })

  it('survives the process, since what it answered is stored', async () => {
    const replies = memoryReplies()
    const before = await start({ replies })
    const first = await reserve(before, good, 'k')
    const after = await start({ replies })
    expect(await reserve(after, good, 'k')).toEqual(first)
    expect((await reserve(after, other, 'k')).status).toBe(409)
    expect(after.asked).toEqual([])
  })

  it('does not hold on to failures that may pass, and holds on to those that do not', async () => {
    const http = await start()
    const codes = ['internal', 'keygen.no_enclaves', 'grant.exhausted', 'session.conflict'] as const
    const reserveNow = http.coordinator.reserve.bind(http.coordinator)
    for (const code of codes) {
      http.coordinator.reserve = () => Promise.reject(new Refusal(code))
      const refused = await reserve(http, good, code)
      http.coordinator.reserve = reserveNow
      const again = await reserve(http, good, code)
      if (code === 'session.conflict') expect(again).toEqual(refused)
      else expect(again.status).toBe(200)
    }
  })

  it('does not hold on to a fault', async () => {
    const http = await start()
    const reserveNow = http.coordinator.reserve.bind(http.coordinator)
    http.coordinator.reserve = () => Promise.reject(new TypeError('CANARY'))
    expect(await reserve(http, good, 'k')).toMatchObject({ status: 500 })
    http.coordinator.reserve = reserveNow
    expect(await reserve(http, good, 'k')).toMatchObject({ status: 200 })
  })

  it('belongs to one route and one session', async () => {
    const http = await start()
    await reserve(http, good, 'k')
    const elsewhere = await post(
      `${http.api}/keygen/${keyA}/participants`,
      { userId: 'ann', sealed: '' },
      { 'idempotency-key': 'k' },
    )
    expect(await elsewhere.json()).toMatchObject({ code: 'session.conflict' })
  })

  it.each(['', ' ', 'x'.repeat(129), 'ä'])('is refused when it is none: %j', async (key) => {
    const http = await start()
    const { status } = await reserve(http, good, key)
    expect(status).toBe(400)
  })
})
