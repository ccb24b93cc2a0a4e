import { gzipSync } from 'node:zlib'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { Book, MAX_SEALED_BOOK } from '@quorate/shared/wire/bunker'
import { Digest, Random32 } from '@quorate/shared/wire/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, type Timeouts } from '../../src/http/server.ts'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
import { dial, getPath, keyA, post, raw, startTestHttp, type TestHttp } from './fixture.ts'

let http: TestHttp
beforeAll(async () => {
  http = await startTestHttp()
})
afterAll(() => http.close())

const good = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['ann', 'bob', 'carol'] }
const reserve = (body: unknown, headers = {}) => post(`${http.api}/keygen/reserve`, body, headers)
const problemOf = async (reply: Response) => {
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  return (await reply.json()) as { code: string; type: string; status: number; issues?: string[] }
}
const head = (extra: string) =>
  `POST /api/v1/keygen/reserve HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${extra}\r\n`

describe('bodies that do not fit', () => {
  it('are refused with the names of fields and what was expected, and never with what was sent', async () => {
    const reply = await reserve({ ...good, threshold: 'CANARY-1', participants: [{ x: 'CANARY-2' }, 'CANARY 3'] })
    expect(reply.status).toBe(400)
    const problem = await problemOf(reply)
    expect(problem).toMatchObject({ code: 'request.invalid', type: '/docs#request.invalid', status: 400 })
    expect(problem.issues).toContain('body.threshold: expected number')
    expect(problem.issues?.some((issue) => issue.startsWith('body.participants.0: '))).toBe(true)
    expect(JSON.stringify(problem)).not.toContain('CANARY')
  })

  it.each([
    ['an unknown field', JSON.stringify({ ...good, CANARY: 1 })],
    ['a state of its own', JSON.stringify({ ...good, state: 'completed' })],
    ['__proto__', `{"__proto__":{"threshold":2},${JSON.stringify(good).slice(1)}`],
    ['a prototype in place of fields', `{"__proto__":${JSON.stringify(good)}}`],
    ['constructor', `{"constructor":{"prototype":{}},${JSON.stringify(good).slice(1)}`],
    ['the same key twice', `{"threshold":3,${JSON.stringify(good).slice(1)}`],
    ['the same key twice, once escaped', `{"thresh\\u006fld":3,${JSON.stringify(good).slice(1)}`],
    ['an array', '[]'],
    ['nothing', ''],
    ['null', 'null'],
    ['half of it', '{"scheme":"CANARY'],
    ['deep arrays', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['deep objects', '{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000)],
    ['a threshold above the participants', JSON.stringify({ ...good, threshold: 4 })],
    ['a threshold that the scheme does not fit', JSON.stringify({ ...good, threshold: 1 })],
    ['fewer participants than the scheme fits', JSON.stringify({ ...good, threshold: 1, participants: ['ann'] })],
    ['no participants', JSON.stringify({ ...good, threshold: 0, participants: [] })],
    ['a threshold that is almost a number', JSON.stringify({ ...good, threshold: '2' })],
    ['a broken threshold', JSON.stringify({ ...good, threshold: 2.5 })],
    ['a user twice', JSON.stringify({ ...good, participants: ['ann', 'ann'] })],
  ])('%s gives 400', async (_name, body) => {
    const reply = await reserve(body)
    expect(reply.status).toBe(400)
    const problem = await problemOf(reply)
    expect(problem.code).toBe('request.invalid')
    expect(JSON.stringify(problem)).not.toContain('CANARY')
    expect(({} as Record<string, unknown>)['threshold']).toBeUndefined()
  })

  it('are refused when they are not UTF-8', async () => {
    const body = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])
    const reply = await fetch(`${http.api}/keygen/reserve`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect(reply.status).toBe(400)
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json; charset=utf-16',
    'application/cbor',
  ])('are refused as %s', async (type) => {
    const reply = await reserve(good, { 'content-type': type })
    expect(reply.status).toBe(415)
    expect((await problemOf(reply)).code).toBe('request.unsupported_media')
  })

  it.each(['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip'])(
    'are not inflated: Content-Encoding %s',
    async (encoding) => {
      const bomb = gzipSync(Buffer.alloc(20 << 20))
      const reply = await fetch(`${http.api}/keygen/reserve`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding },
        body: bomb,
      })
      expect(reply.status).toBe(415)
    },
  )

  it('pass when they fit, with or without a charset', async () => {
    expect((await reserve(good)).status).toBe(200)
    expect((await reserve(good, { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(200)
  })
})

describe('bodies without measure', () => {
  it('are refused by their announced length, before they are read', async () => {
    const text = await raw(http.url, head(`Content-Length: ${1 << 30}\r\n`))
    expect(text).toMatch(/^HTTP\/1.1 413 /)
    expect(text.toLowerCase()).toContain('connection: close')
  })

  it('are refused at 256 KiB when they announce none and do not end', async () => {
    const chunk = Buffer.alloc(64 << 10, 0x20)
    const framed = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])
    const text = await raw(http.url, head('Transfer-Encoding: chunked\r\n'), framed, framed, framed, framed, framed)
    expect(text).toMatch(/^HTTP\/1.1 413 /)
  })

  it('may have 256 KiB', async () => {
    const json = JSON.stringify(good)
    expect((await reserve(json + ' '.repeat((256 << 10) - json.length))).status).toBe(200)
    expect((await reserve(json + ' '.repeat((256 << 10) - json.length + 1))).status).toBe(413)
  })

  it('are taken up to 1 MiB where they ask for signatures', async () => {
    const ask = (length: number) => post(`${http.api}/signing`, `{}${' '.repeat(length - 2)}`)
    expect((await ask(1 << 20)).status).toBe(400)
    expect((await ask((1 << 20) + 1)).status).toBe(413)
  })

  it('has room for the largest book of an owner', async () => {
    const digest = 'f'.repeat(64)
    // A control character and half a surrogate pair take six bytes of JSON each.
    const relays = ['\u0001', '\ud800'].flatMap((longest) =>
      Array.from({ length: 8 }, (_, n) => `wss://${n}/`.padEnd(256, longest)),
    )
    const body: Book['body'] = {
      skeletonDigest: Digest.parse(digest),
      index: 32,
      serial: 2_147_483_647,
      version: { epoch: 1_000_000, digest: Digest.parse(digest) },
      signer: NostrKey.parse(digest),
      relays,
      sealed: '_'.repeat(MAX_SEALED_BOOK),
      lives: Array.from({ length: 32 }, () => Random32.parse(digest)),
      givenAt: 8_640_000_000_000_000,
    }
    const book = Book.parse({ body, signature: 'f'.repeat(128) })
    expect((await post(`${http.api}/keys/${keyA}/bunker/books`, book)).status).toBe(200)
    expect(Book.safeParse({ ...book, body: { ...body, sealed: `${body.sealed}_` } }).success).toBe(false)
  })

  it('are refused when two lengths disagree', async () => {
    const text = await raw(http.url, head('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'), '0\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1.1 400 /)
  })
})

describe('askers without haste', () => {
  const HOUR = 3_600_000
  /** No limit but those under test: whoever loses the connection has met one of these, and a test without them does not end. */
  const limits = (own: Partial<Timeouts>): Timeouts => ({
    ...{ headers: HOUR, request: HOUR, idle: HOUR, quiet: HOUR, check: 20, drain: 20 },
    ...own,
  })
  const sending = async (own: Partial<Timeouts>, ...chunks: string[]): Promise<string> => {
    const slow = await startTestHttp({ timeouts: limits(own) })
    const text = await raw(slow.url, ...chunks)
    await slow.close()
    return text
  }

  it('lose the connection when the headers do not end', async () => {
    const text = await sending({ headers: 50 }, 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    expect(text).toMatch(/^HTTP\/1.1 408 /)
  })

  it('lose the connection when the body does not come', async () => {
    const text = await sending({ headers: 50, request: 50 }, head('Content-Length: 100\r\n'), '{')
    expect(text).toMatch(/^HTTP\/1.1 408 /)
  })

  it('lose the connection when they never say anything', async () => {
    expect(await sending({ quiet: 50 })).toBe('')
  })

  it('lose the connection when it is idle after an answer', async () => {
    expect(await sending({ idle: 50 }, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('"alive":true')
  })

  it('keep an idle connection for longer than others may take over their headers', async () => {
    const patient = await startTestHttp({ timeouts: limits({ headers: 30, request: 30 }) })
    const idle = dial(patient.url)
    const healthy = () => idle.text().split('"alive":true').length - 1
    const ask = () => idle.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    ask()
    await until(() => healthy() === 1, 'the first answer')
    // Who begins later, and is cut for its slowness, has been slow for a shorter time than the other was idle.
    expect(await raw(patient.url, 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toMatch(/^HTTP\/1.1 408 /)
    ask()
    await until(() => healthy() === 2, 'the second answer')
    idle.socket.destroy()
    await patient.close()
  })

  it('lose the connection when they do not read what they asked for', async () => {
    // More than the buffers of both sockets take: 36 MiB where Linux lets them grow.
    const answer = Buffer.alloc(64 << 20)
    let wasGiven: boolean | null = null
    const door = await listen(
      (_request, response) => {
        response.on('close', () => {
          wasGiven = response.writableFinished
          noticed()
        })
        response.end(answer)
      },
      { host: '127.0.0.1', port: 0 },
      limits({ quiet: 200 }),
    )
    const { socket } = dial(door.url)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await until(() => wasGiven !== null)
    expect(wasGiven).toBe(false)
    socket.destroy()
    await door.close()
  })

  it('do not keep others waiting', async () => {
    const patient = await startTestHttp({ timeouts: limits({}) })
    const slow = Array.from({ length: 50 }, () => dial(patient.url))
    for (const { socket } of slow) socket.write(head('Content-Length: 100\r\nExpect: 100-continue\r\n'))
    await until(() => slow.every(({ text }) => text().includes('100 Continue')))
    expect((await post(`${patient.api}/keygen/reserve`, good)).status).toBe(200)
    await turn()
    expect(slow.filter(({ socket }) => socket.closed)).toEqual([])
    await patient.close()
  })

  it('cannot send headers without end', async () => {
    const text = await raw(http.url, `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1.1 431 /)
  })
})

describe('paths', () => {
  it.each([
    '/api/v1/../../etc/passwd',
    '/api/v1/keygen/../enclaves',
    '/api/v1/%2e%2e/enclaves',
    '/api/v1//enclaves',
    '/api/v1/enclaves/',
    '/API/v1/enclaves',
    '/api/v1/enclaves%00',
    '/api/v1/enclaves;x',
    '/api/v1/%ff',
    '/api/v1/keys/%E0%A4%A',
    '/api/v2/enclaves',
    '/docs/',
    '/docs/../package.json',
    '/docs/swagger-ui.js',
    '/.env',
  ])('%s leads nowhere', async (path) => {
    const { status, body } = await getPath(http.url, path)
    expect(status).toBe(404)
    expect(JSON.parse(body)).toMatchObject({ code: 'request.not_found' })
  })

  it('take no method but their own', async () => {
    const asked = async (url: string, method: string) => {
      const reply = await fetch(url, { method })
      return [reply.status, reply.headers.get('allow'), (await problemOf(reply)).code]
    }
    const refused = (allow: string) => [405, allow, 'request.method_not_allowed']
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST'])
      for (const url of [
        `${http.api}/enclaves`,
        `${http.api}/keys/x`,
        `${http.url}/healthz`,
        `${http.metricsUrl}/metrics`,
      ])
        expect(await asked(url, method)).toEqual(refused('GET, HEAD'))
    expect(await asked(`${http.api}/signing`, 'GET')).toEqual(refused('POST'))
    expect((await fetch(`${http.api}/enclaves`, { method: 'HEAD' })).status).toBe(200)
  })

  it('are of one host: two Host lines are refused, and none', async () => {
    const get = (lines: string) => raw(http.url, `GET /healthz HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`)
    expect(await get('Host: a.example\r\n')).toMatch(/^HTTP\/1.1 200 /)
    for (const lines of ['Host: a.example\r\nHost: b.example\r\n', 'host: a\r\nHOST: a\r\n', ''])
      expect(await get(lines)).toMatch(/^HTTP\/1.1 400 /)
  })

  it('take ids in one spelling only', async () => {
    for (const id of ['ENCLAVE-0', 'enclave-0%20', 'x'.repeat(33)])
      expect((await getPath(http.url, `/api/v1/enclaves/${id}/attestation?nonce=${'0'.repeat(64)}`)).status).toBe(400)
    const absent = `/api/v1/enclaves/enclave-7/attestation?nonce=${'0'.repeat(64)}`
    expect((await getPath(http.url, absent)).status).toBe(404)
  })

  it.each(['?x=1', '?nonce=1', `?nonce=${'0'.repeat(64)}&nonce=${'1'.repeat(64)}`, '?__proto__=1', ''])(
    'take no query but their own: %s',
    async (query) => {
      const { status, body } = await getPath(http.url, `/api/v1/enclaves/enclave-0/attestation${query}`)
      expect(status).toBe(400)
      expect(body).toContain('query')
    },
  )
})
