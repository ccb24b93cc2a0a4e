import { Refusal } from '@quorate/shared/errors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyA, post, raw, startTestHttp, type TestHttp } from './fixture.ts'

let http: TestHttp
beforeAll(async () => {
  const coordinator = { reserve: () => Promise.reject(new Refusal('keygen.no_enclaves')) }
  http = await startTestHttp({
    limits: { ratePerMinute: 10_000, trustedProxies: 0, corsOrigin: '*' },
    coordinator: { ...(await startTestHttp()).coordinator, ...coordinator },
  })
})
afterAll(() => http.close())

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const idOf = (reply: Response) => reply.headers.get('x-request-id')
const named = (id: string) => ({ headers: { 'x-request-id': id } })
const reservation = { scheme: 'frost-ed25519', threshold: 2, participants: ['ann', 'bob', 'carol'] }

describe('x-request-id', () => {
  it.each(['/healthz', '/readyz', '/docs', '/', '/openapi.json', '/nowhere', '/api/v1/enclaves', '/api/v1/keys/x'])(
    'is on the answer to %s, another each time',
    async (path) => {
      const ids = [idOf(await fetch(http.url + path)), idOf(await fetch(http.url + path))]
      for (const id of ids) expect(id).toMatch(uuid)
      expect(ids[0]).not.toBe(ids[1])
    },
  )

  it('is that of the proxy in front, where it is one', async () => {
    const sane = ['a', '1-67891233-abcdef012345678912345678', 'x'.repeat(64)]
    for (const id of sane) expect(idOf(await fetch(`${http.api}/enclaves`, named(id)))).toBe(id)
    for (const id of ['', 'x'.repeat(65), 'a b', '{"a":1}', 'a"b', 'a;b'])
      expect(idOf(await fetch(`${http.api}/enclaves`, named(id)))).toMatch(uuid)
  })

  it('is on what is refused before any route is found, and pages of other origins may read it', async () => {
    const answer = await raw(http.url, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n')
    const [, id] = /^x-request-id: (\S+)\r$/im.exec(answer) ?? []
    expect(id).toMatch(uuid)
    expect(answer).toContain(`"requestId":"${id}"`)
    const { headers } = await fetch(`${http.api}/enclaves`)
    expect(headers.get('access-control-expose-headers')).toContain('x-request-id')
    const crowded = await startTestHttp({ bounds: { connections: { most: 0 } } })
    const refused = await raw(crowded.url, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(refused).toMatch(/^HTTP\/1.1 (429|503) /)
    expect(refused).toMatch(/"requestId":"[0-9a-f-]{36}"/)
    await crowded.close()
  })

  it('is in the problem, also where the same problem was the answer to another request', async () => {
    const ask = (id: string) =>
      post(
        `${http.api}/keygen/reserve`,
        { ...reservation, threshold: 9 },
        { 'x-request-id': id, 'idempotency-key': 'k' },
      )
    for (const id of ['first', 'second']) {
      const reply = await ask(id)
      expect([idOf(reply), await reply.json()]).toMatchObject([id, { requestId: id, code: 'request.invalid' }])
    }
  })

  it('is in the line of what was refused', async () => {
    const reply = await post(`${http.api}/keygen/reserve`, { ...reservation, keyId: keyA }, { 'x-request-id': 'mine' })
    expect(reply.status).toBe(503)
    const lines = http.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'request.refused', route: 'reserveKeygen', status: 503, requestId: 'mine' }),
    )
    expect(lines.filter(({ event }) => event === 'gateway.fault')).toEqual([])
  })
})
