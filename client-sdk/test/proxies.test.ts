import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { routes, type RouteName } from '@quorate/shared/wire/routes/table'
import type { Route } from '@quorate/shared/wire/routes/route'
import { createClient, type ClientOptions } from '../src/http/client.ts'
import { QuorateError, Quorate } from '../src/index.ts'
import { marlin } from '../../shared/test/genuine-documents.js'
import { ways } from './ways.ts'

/** What is answered, one after the other; the last one from then on. */
let answers: ((response: ServerResponse) => unknown)[]
const asked: { url: string; headers: Record<string, unknown> }[] = []
const server = createServer((request, response) => {
  asked.push({ url: request.url ?? '', headers: request.headers })
  request.resume()
  const answer = answers[Math.min(asked.length, answers.length) - 1]
  answer?.(response)
})
beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
beforeEach(() => void asked.splice(0))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const page = (status: number, body: string | Buffer = '<html>an error of the edge</html>', headers = {}) => {
  return (response: ServerResponse) => response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body)
}
const good = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"enclaves":[]}')

describe.each(ways)('by %s', (_way, way) => {
  const client = () => createClient({ gateway: address(), retry: { attempts: 3, pause: 1 }, ...way })

  // As reported in sindresorhus/got#991 and curl/curl#19011.
  describe("a proxy's passing trouble", () => {
    it.each([408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530])(
      'HTTP %i is followed by the same request',
      async (status) => {
        answers = [page(status), good]
        await expect(client().call('listEnclaves', {})).resolves.toEqual({ enclaves: [] })
        expect(asked).toHaveLength(2)
      },
    )

    it('that does not pass is told as such, with the status', async () => {
      answers = [page(522)]
      const unavailable = {
        code: 'gateway.unavailable',
        by: 'client',
        issues: ['HTTP 522 without a problem+json body'],
      }
      await expect(client().call('listEnclaves', {})).rejects.toMatchObject(unavailable)
      expect(asked).toHaveLength(3)
    })

    it.each([400, 403, 404, 409, 411, 413, 501, 505])('is not HTTP %i, which is final', async (status) => {
      answers = [page(status), good]
      await expect(client().call('listEnclaves', {})).rejects.toMatchObject({ code: 'reply.invalid' })
      expect(asked).toHaveLength(1)
    })

    it('may be told in any alphabet', async () => {
      answers = [page(503, Buffer.from('Dienst nicht verf\xfcgbar', 'latin1')), good]
      await expect(client().call('listEnclaves', {})).resolves.toEqual({ enclaves: [] })
    })

    const posts = Object.entries<Route>(routes).filter(([, { method }]) => method === 'post')
    it.each(posts)('is followed by a POST %s that is the same act', async (name, { repeatable }) => {
      answers = [page(500), page(409)]
      const params = { keyId: 'a'.repeat(32), signingId: 'b'.repeat(32) }
      const call = client().call as (name: RouteName, call: object) => Promise<unknown>
      await expect(call(name as RouteName, { params, body: {} })).rejects.toMatchObject({ code: 'reply.invalid' })
      expect(asked).toHaveLength(2)
      const keys = asked.map(({ headers }) => headers['idempotency-key'])
      // What has none is signed, and names what it makes.
      expect(keys[0] === undefined).toBe(repeatable === true)
      expect(keys[1]).toBe(keys[0])
    })
  })

  it('is waited for until the date that it names, however wrong this clock is', async () => {
    const began = Date.now()
    const [sent, after] = [0, 1_000].map((ms) => new Date(86_400_000 * 365 + ms).toUTCString())
    answers = [page(503, '', { date: sent, 'retry-after': after }), good]
    await expect(client().call('listEnclaves', {})).resolves.toEqual({ enclaves: [] })
    expect(Date.now() - began).toBeGreaterThanOrEqual(990)
  })

  describe('an address that cannot work', () => {
    it.each([301, 302, 303, 307, 308])(
      'since it redirects (HTTP %i) is refused at once, and says where to',
      async (status) => {
        answers = [page(status, '', { location: 'https://user:secret@sign.example.com/elsewhere?x=1' })]
        const moved = { code: 'gateway.moved', by: 'client', issues: ['it redirects to https://sign.example.com'] }
        await expect(client().call('listEnclaves', {})).rejects.toMatchObject(moved)
        expect(asked).toHaveLength(1)
      },
    )

    it.each([
      ['sign.example.com', 'gateway: expected an address like'],
      ['localhost:3000', 'gateway: expected an address like'],
      ['ftp://sign.example.com', 'gateway: expected http:// or https://'],
      ['https://me:secret@sign.example.com', 'gateway: expected no user name or password'],
      ['https://sign.example.com/?x', 'gateway: expected nothing after its path'],
    ])('%s is refused before anything is asked', (gateway, why) => {
      let error: unknown
      try {
        new Quorate({ gateway, trust: marlin.at.policy })
      } catch (reason) {
        error = reason
      }
      expect(error).toBeInstanceOf(QuorateError)
      expect(error).toMatchObject({ code: 'request.invalid', issues: [expect.stringContaining(why) as string] })
      expect(JSON.stringify((error as QuorateError).issues)).not.toContain('secret')
    })

    it('since it speaks no TLS is not tried again', async () => {
      let tries = 0
      const count = () => (tries += 1)
      server.on('connection', count)
      const gateway = address().replace('http:', 'https:')
      const refused = createClient({ gateway, retry: { attempts: 5, pause: 1 }, ...way }).call('listEnclaves', {})
      const issues = [expect.stringMatching(/TLS: (ERR_SSL_|EPROTO)/) as string]
      await expect(refused).rejects.toMatchObject({ code: 'gateway.unavailable', issues })
      server.off('connection', count)
      expect(tries).toBe(1)
    })
  })

  describe('an answer', () => {
    const one = (more: Partial<ClientOptions> = {}) =>
      createClient({ gateway: address(), retry: { attempts: 1, pause: 1 }, ...way, ...more })
    const unavailable = { code: 'gateway.unavailable', by: 'client' }

    it('that does not end in time is none', async () => {
      answers = [(response) => response.writeHead(200).write('{')]
      await expect(one({ timeout: 50 }).call('listEnclaves', {})).rejects.toMatchObject(unavailable)
    })

    it('that nobody waits for any more is told by the reason for which', async () => {
      const stop = new AbortController()
      answers = [() => stop.abort(new Error('enough'))]
      await expect(one().call('listEnclaves', { signal: stop.signal })).rejects.toThrow('enough')
    })

    it('comes over the connection of the one before', async () => {
      let connections = 0
      const count = () => (connections += 1)
      server.on('connection', count)
      answers = [good]
      const { call } = one()
      await call('listEnclaves', {})
      const before = connections
      for (let n = 0; n < 5; n += 1) await call('listEnclaves', {})
      server.off('connection', count)
      expect(connections).toBe(before)
    })
  })
})

it('cannot come from a port that fetch does not connect to, and is not waited for', async () => {
  let tries = 0
  const counting: typeof fetch = (...given) => {
    tries += 1
    return fetch(...given)
  }
  const refused = createClient({ gateway: 'http://127.0.0.1:6000', retry: { attempts: 5, pause: 1 }, fetch: counting })
  const issues = [expect.stringMatching(/this port/) as string]
  await expect(refused.call('listEnclaves', {})).rejects.toMatchObject({ code: 'gateway.unavailable', issues })
  expect(tries).toBe(1)
})
