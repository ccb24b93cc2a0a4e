import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../src/http/client.ts'
import { ways } from './ways.ts'

let answer: (response: ServerResponse) => void
let asked: number
let sent: number
/** When the connection of the last answer is over. */
let closed: Promise<unknown>
const server = createServer((_, response) => {
  asked += 1
  closed = once(response, 'close')
  answer(response)
})
beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
beforeEach(() => void ([asked, sent] = [0, 0]))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const mebibyte = 1024 * 1024
const chunk = Buffer.alloc(mebibyte / 16, ' ')
/** Writes for as long as somebody reads. */
function pour(response: ServerResponse): void {
  while (response.write(chunk)) sent += chunk.length
  response.once('drain', () => pour(response))
}

describe.each(ways)('by %s', (_way, way) => {
  const keyId = 'a'.repeat(32)
  function ask(name: 'listEnclaves' | 'listSignings' | 'listCertificates' = 'listEnclaves') {
    const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { call } = createClient({ gateway, retry: { attempts: 3, pause: 1 }, ...way })
    if (name === 'listEnclaves') return call(name, {})
    return name === 'listSignings'
      ? call(name, { params: { keyId } })
      : call(name, { params: { keyId }, query: { from: '0' } })
  }
  const tooLong = (most: number) => ({ code: 'reply.invalid', by: 'client', issues: [`more than ${most} bytes`] })
  const type = { 'content-type': 'application/json' }

  describe('an answer without an end', () => {
    it.each([
      ['a reply', 200, type],
      ['a refusal', 400, { 'content-type': 'application/problem+json' }],
      ['a proxy that fails', 503, { 'content-type': 'text/html' }],
      ['events', 200, { 'content-type': 'text/event-stream' }],
    ])(
      'of %s is read up to 4 MiB, its connection is cut, and it is not asked for again',
      async (_, status, headers) => {
        answer = (response) => pour(response.writeHead(status, headers))
        await expect(ask()).rejects.toMatchObject(tooLong(4 * mebibyte))
        await closed
        expect(asked).toBe(1)
        // Some more is in the buffers of both ends.
        expect(sent).toBeLessThan(48 * mebibyte)
      },
    )

    it('is not read at all when it says how long it is', async () => {
      answer = (response) => response.writeHead(200, { ...type, 'content-length': 2 ** 31 }).write(chunk)
      await expect(ask()).rejects.toMatchObject(tooLong(4 * mebibyte))
      await closed
    })

    it('is measured when it is inflated', async () => {
      const bomb = gzipSync(Buffer.alloc(8 * mebibyte, ' '))
      expect(bomb.length).toBeLessThan(mebibyte)
      answer = (response) => response.writeHead(200, { ...type, 'content-encoding': 'gzip' }).end(bomb)
      await expect(ask()).rejects.toMatchObject(tooLong(4 * mebibyte))
    })
  })

  describe('an answer', () => {
    it.each([
      ['listEnclaves', 3, '{"enclaves":[]}'],
      ['listSignings', 3, '{"signings":[],"next":null,"newest":null}'],
      ['listCertificates', 12, `{"keyId":"${keyId}","epochs":[]}`],
    ] as const)('of %s may have %d MiB', async (name, size, json) => {
      answer = (response) => response.writeHead(200, type).end(' '.repeat(size * mebibyte) + json)
      await expect(ask(name)).resolves.toEqual(JSON.parse(json))
    })

    it('that is no UTF-8 is refused', async () => {
      answer = (response) => response.writeHead(200, type).end(Buffer.from('{"enclaves":[],"\xff":1}', 'latin1'))
      await expect(ask()).rejects.toMatchObject({ code: 'reply.invalid', issues: ['no UTF-8'] })
    })

    it('that breaks off is asked for again', async () => {
      answer = (response) => {
        if (asked === 3) response.writeHead(200, type).end('{"enclaves":[]}')
        else response.writeHead(200, { ...type, 'content-length': 100 }).write('{', () => response.destroy())
      }
      await expect(ask()).resolves.toEqual({ enclaves: [] })
      expect(asked).toBe(3)
    })
  })
})
