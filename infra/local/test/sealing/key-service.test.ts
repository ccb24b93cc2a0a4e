import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createKeyService, type Patience } from '@quorate/enclave/platform/sealing/key-service'
import { TunnelTlsAgent } from '@quorate/enclave/platform/tunnel'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeTlsAuthority } from '../../src/nsm/tls.ts'
import { answering, authorityPem, startService, tunnelTo, type Service } from './service.ts'

const name = 'keys.example'
const hang: RequestListener = () => undefined
const long: Patience = { attempts: 3, each: 30_000, all: 60_000 }
let service: Service
const tokens: string[] = []

beforeAll(async () => {
  service = await startService(name, (request, response) => {
    tokens.push(request.headers.authorization ?? '')
    answering(200, { ok: true })(request, response)
  })
})
beforeEach(() => void service.faults.splice(0))
afterAll(() => service.close())

const keyService = (patience = long, port = service.port) => {
  let asked = 0
  const agent = new TunnelTlsAgent(tunnelTo(port), [authorityPem])
  const meansDisabled = (body: unknown) => body === 'switched off'
  return createKeyService({ agent, token: () => Promise.resolve(`token-${(asked += 1)}`), meansDisabled, patience })
}
const ask = (patience?: Patience, port?: number) =>
  keyService(patience, port)({ method: 'POST', url: `https://${name}/x`, body: {} })
const counted = async (refusal: Promise<unknown>, code: string): Promise<number> => {
  const before = service.asked()
  await expect(refusal).rejects.toMatchObject({ code })
  return service.asked() - before
}

/** Between TLS and the socket below it: notes how many bytes each write has. */
class Gauge extends Duplex {
  readonly sizes: number[] = []
  readonly #below: Socket

  constructor(below: Socket) {
    super()
    this.#below = below
    below.on('data', (chunk) => this.push(chunk)).on('end', () => this.push(null))
  }

  override _read() {}

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void) {
    const joined = Buffer.concat(chunks.map(({ chunk }) => chunk))
    this.sizes.push(joined.length)
    this.#below.write(joined, done)
  }
}

describe('TLS through a tunnel', () => {
  it('writes 32 KiB at most at a time, however much it is given', async () => {
    const gauges: Gauge[] = []
    const agent = new TunnelTlsAgent(
      async (signal) => {
        const gauge = new Gauge(await tunnelTo(service.port)(signal))
        gauges.push(gauge)
        return gauge as unknown as Socket
      },
      [authorityPem],
    )
    const body = { text: 'x'.repeat(500_000) }
    const askKeyService = createKeyService({ agent, token: () => Promise.resolve('t'), meansDisabled: () => false })
    await expect(askKeyService({ method: 'POST', url: `https://${name}/x`, body })).resolves.toEqual({ ok: true })
    const sizes = gauges.flatMap((gauge) => gauge.sizes)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(500_000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 << 10)
    agent.destroy()
  })
})

describe('a key service by REST', () => {
  it('is asked again when it is busy, with a fresh token, and not before it says', async () => {
    service.faults.push(answering(429, {}, { 'retry-after': '1' }), answering(503, 'busy'))
    const began = performance.now()
    await expect(ask()).resolves.toEqual({ ok: true })
    expect(performance.now() - began).toBeGreaterThanOrEqual(990)
    expect(tokens.at(-1)).toBe('Bearer token-3')
  })

  it('is given up after three attempts', async () => {
    service.faults.push(...Array.from({ length: 4 }, () => answering(503, '')))
    expect(await counted(ask(), 'kms.unavailable')).toBe(3)
  })

  it('says that it was asked too often when that does not pass', async () => {
    service.faults.push(...Array.from({ length: 4 }, () => answering(429, '')))
    expect(await counted(ask(), 'kms.throttled')).toBe(3)
  })

  it('says that the key is switched off by the word of its provider', async () => {
    service.faults.push(answering(403, '"switched off"'))
    expect(await counted(ask(), 'kms.disabled')).toBe(1)
  })

  it('is given up at once when it wants more time than there is', async () => {
    service.faults.push(answering(503, '', { 'retry-after': '60' }))
    expect(await counted(ask(), 'kms.unavailable')).toBe(1)
  })

  it('is not waited for longer than all attempts may take', async () => {
    service.faults.push(hang, hang, hang)
    expect(await counted(ask({ attempts: 3, each: 600_000, all: 300 }), 'kms.unavailable')).toBe(1)
  })

  it('is asked again when an attempt hangs', async () => {
    service.faults.push(hang)
    await expect(ask({ ...long, each: 4_000 })).resolves.toEqual({ ok: true })
  })

  it('that does not take a token is asked with a fresh one, once', async () => {
    service.faults.push(answering(401, {}))
    await expect(ask()).resolves.toEqual({ ok: true })
    expect(tokens.at(-1)).toBe('Bearer token-2')
    service.faults.push(answering(401, {}), answering(401, {}))
    expect(await counted(ask(), 'kms.denied')).toBe(2)
  })

  it.each([400, 403, 404, 409])('means no by %d, and is not asked again', async (status) => {
    service.faults.push(answering(status, {}))
    expect(await counted(ask(), 'kms.denied')).toBe(1)
  })

  it.each<[string, RequestListener]>([
    ['sends it elsewhere', answering(302, '', { location: 'https://elsewhere.example/' })],
    ['says more than 64 KiB', answering(200, 'x'.repeat(70_000))],
  ])('is not believed when it %s', async (_, fault) => {
    service.faults.push(fault)
    expect(await counted(ask(), 'kms.invalid')).toBe(1)
  })

  it('gives nothing that is no JSON', async () => {
    service.faults.push(answering(200, '<html>'))
    await expect(ask()).resolves.toBeUndefined()
  })

  it('is spoken to under the measured authorities and its own name only', async () => {
    const elsewhere = await startService(name, answering(200, {}), makeTlsAuthority())
    const misnamed = await startService('other.example', answering(200, {}))
    for (const { port, close } of [elsewhere, misnamed]) {
      await expect(ask(long, port)).rejects.toMatchObject({ code: 'kms.unavailable' })
      await close()
    }
    expect([elsewhere.asked(), misnamed.asked()]).toEqual([0, 0])
  })
})
