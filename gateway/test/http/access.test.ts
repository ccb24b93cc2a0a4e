import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { createSigner, signBody } from '@quorate/shared/crypto/sign'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerOf, bearer, keyA, keyB, post, proofOf, startTestHttp, unknownKey, type TestHttp } from './fixture.ts'

let http: TestHttp
beforeAll(async () => {
  http = await startTestHttp()
})
afterAll(() => http.close())

const NOW = 1_900_000_000_000
const openSession = async (proof: unknown, headers = {}) => answerOf(await post(`${http.api}/sessions`, proof, headers))
const read = async (path: string, token?: string) => answerOf(await fetch(http.api + path, token ? bearer(token) : {}))
const unauthorized = JSON.stringify({
  type: '/docs#request.unauthorized',
  title: 'Prove who you are: POST /api/v1/sessions gives a token',
  status: 401,
  code: 'request.unauthorized',
  retry: 'never',
})

describe('a session', () => {
  it('is opened by a proof and reads its key for fifteen minutes', async () => {
    const { status, body } = await openSession(await proofOf(http.reader))
    expect(status).toBe(200)
    const { token, expiresAt } = JSON.parse(body) as { token: string; expiresAt: number }
    expect(expiresAt).toBe(NOW + 15 * 60_000)
    expect((await read(`/keygen/${keyA}/status`, token)).status).toBe(200)
    http.time.now = expiresAt
    expect(await read(`/keygen/${keyA}/status`, token)).toEqual({ status: 401, body: unauthorized })
    http.time.now = NOW
  })

  it('is refused with one answer, whatever is wrong', async () => {
    const stranger = await createSigner(new Uint8Array(32).fill(4))
    const good = await proofOf(http.reader)
    const wrong = [
      await proofOf(http.reader, { keyId: unknownKey }),
      await proofOf(stranger),
      { ...good, body: { ...good.body, keyId: keyB } },
      { ...good, signature: good.signature.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
      await signBody(http.reader, 'consent', good.body),
    ]
    for (const proof of wrong) expect(await openSession(proof)).toEqual({ status: 401, body: unauthorized })
    expect((await openSession(good)).status).toBe(200)
  })

  it.each([
    [{ gateway: 'https://other.example' }, 421, 'request.wrong_gateway', 'this gateway is https://quorate.example'],
    [{ gateway: 'http://quorate.example' }, 421, 'request.wrong_gateway', 'this gateway is https://quorate.example'],
    [{ time: NOW - 300_000 }, 401, 'request.wrong_time', "300 s behind the gateway's clock, and may be 60 s off"],
    [{ time: NOW + 60_001 }, 401, 'request.wrong_time', "60 s ahead of the gateway's clock, and may be 60 s off"],
  ])('says what is wrong with %j, and the same of a key that it does not know', async (body, status, code, why) => {
    for (const keyId of [keyA, unknownKey]) {
      const refused = await openSession(await proofOf(http.reader, { ...body, keyId }))
      expect(refused.status).toBe(status)
      expect(JSON.parse(refused.body)).toMatchObject({ code, issues: [expect.stringContaining(why) as string] })
    }
  })

  it('is opened by a proof that writes the address in another spelling', async () => {
    const proof = await proofOf(http.reader, { gateway: 'HTTPS://Quorate.example:443/' })
    expect((await openSession(proof)).status).toBe(200)
  })

  it('takes each nonce once, also when two come together', async () => {
    const proof = await proofOf(http.reader)
    const both = await Promise.all([openSession(proof), openSession(proof)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401])
    expect((await openSession(proof)).status).toBe(401)
    http.time.now = NOW + 59_000
    expect((await openSession(proof)).status).toBe(401)
    http.time.now = NOW
  })

  it('is given again to the same request under its Idempotency-Key, for a minute', async () => {
    const proof = await proofOf(http.reader)
    const first = await openSession(proof, { 'idempotency-key': 'session-1' })
    expect(await openSession(proof, { 'idempotency-key': 'session-1' })).toEqual(first)
    http.time.now = NOW + 60_000
    expect((await openSession(proof, { 'idempotency-key': 'session-1' })).status).toBe(401)
    http.time.now = NOW
  })
})

describe('a token', () => {
  const secret = deriveKey(new Uint8Array(32).fill(9), 'session-token')
  const seconds = NOW / 1_000
  const made = (change: (jwt: SignJWT) => SignJWT, key = secret) =>
    change(
      new SignJWT()
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(keyA)
        .setAudience('https://quorate.example')
        .setExpirationTime(seconds + 100),
    ).sign(key)
  const text = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const crafted = (header: unknown, body: unknown, digest = 'sha256', key: Uint8Array | string = secret) => {
    const signed = `${text(header)}.${text(body)}`
    return `${signed}.${createHmac(digest, key).update(signed).digest('base64url')}`
  }
  const claims = { sub: keyA, aud: 'https://quorate.example', exp: seconds + 100 }

  it('made as ours are made passes, so that the following ones fail for their own reason', async () => {
    expect((await read(`/keygen/${keyA}/status`, await made((jwt) => jwt))).status).toBe(200)
    const own = crafted({ alg: 'HS256', typ: 'JWT' }, claims)
    expect((await read(`/keygen/${keyA}/status`, own)).status).toBe(200)
  })

  it.each<[string, () => Promise<string> | string]>([
    ['of another secret', () => made((jwt) => jwt, new Uint8Array(32).fill(1))],
    ['for another gateway', () => made((jwt) => jwt.setAudience('https://other.example'))],
    ['that has expired', () => made((jwt) => jwt.setExpirationTime(seconds - 1))],
    ['that never expires', () => crafted({ alg: 'HS256', typ: 'JWT' }, { sub: keyA, aud: claims.aud })],
    ['for no key', () => made((jwt) => jwt.setSubject('admin'))],
    ['with alg none', () => `${text({ alg: 'none', typ: 'JWT' })}.${text(claims)}.`],
    ['with alg NONE', () => `${text({ alg: 'NONE', typ: 'JWT' })}.${text(claims)}.AA`],
    ['with HS512', () => crafted({ alg: 'HS512', typ: 'JWT' }, claims, 'sha512')],
    ['of another type', () => crafted({ alg: 'HS256', typ: 'at+jwt' }, claims)],
    [
      'with an empty secret, named by itself',
      () => crafted({ alg: 'HS256', typ: 'JWT', kid: '../../dev/null' }, claims, 'sha256', ''),
    ],
    [
      'signed by a key that it brings',
      () => {
        const { privateKey, publicKey } = generateKeyPairSync('ed25519')
        const jwk = publicKey.export({ format: 'jwk' })
        const signed = `${text({ alg: 'EdDSA', typ: 'JWT', jwk })}.${text(claims)}`
        return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
      },
    ],
    [
      'with a changed subject',
      async () => {
        const [header, , signature] = (await made((jwt) => jwt.setSubject(keyB))).split('.')
        return [header, text(claims), signature].join('.')
      },
    ],
    ['without end', () => 'x'.repeat(5_000)],
    ['that is none', () => 'null'],
  ])('%s is refused', async (_name, token) => {
    expect(await read(`/keygen/${keyA}/status`, await token())).toEqual({ status: 401, body: unauthorized })
  })
})

describe('the rate limit', () => {
  it('is mounted, says when to come back, and is not passed by X-Forwarded-For', async () => {
    const limited = await startTestHttp({ limits: { ratePerMinute: 5, trustedProxies: 0, corsOrigin: null } })
    const statuses: number[] = []
    for (let n = 0; n < 7; n += 1) {
      const headers = { 'x-forwarded-for': `10.0.0.${n}`, 'x-real-ip': `10.0.1.${n}`, forwarded: `for=10.0.2.${n}` }
      const reply = await fetch(`${limited.api}/enclaves`, { headers })
      statuses.push(reply.status)
      if (reply.status === 429) {
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
        expect(await reply.json()).toMatchObject({ code: 'request.rate_limited', retry: 'same_request' })
      }
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect((await post(`${limited.api}/sessions`, {})).status).toBe(429)
    expect((await fetch(`${limited.url}/openapi.json`)).status).toBe(429)
    expect((await fetch(`${limited.url}/healthz`)).status).toBe(200)
    await limited.close()
  })

  it('counts by what a proxy says only when that many proxies are trusted', async () => {
    const behind = await startTestHttp({ limits: { ratePerMinute: 1, trustedProxies: 1, corsOrigin: null } })
    const ask = async (from: string) =>
      (await fetch(`${behind.api}/enclaves`, { headers: { 'x-forwarded-for': from } })).status
    expect(await ask('10.0.0.1')).toBe(200)
    expect(await ask('10.0.0.2')).toBe(200)
    expect(await ask('10.9.9.9, 10.0.0.1')).toBe(429)
    await behind.close()
  })

  // As reported in express-rate-limit/express-rate-limit#234 and xorbitsai/xagent#1185.
  it.each([
    ['IPv4', (port: number) => `203.0.113.8:${port}`],
    ['IPv6', (port: number) => `[2001:db8:9:2::1]:${port}`],
    ['IPv6 in quotes', (port: number) => `"[2001:db8:9:2::1]:${port}"`],
    ['IPv4 with and without', (port: number) => (port % 2 === 0 ? '203.0.113.8' : `203.0.113.8:${port}`)],
    ['IPv4 behind another proxy', (port: number) => `10.0.0.${port % 9}, 203.0.113.8:${port}`],
    ['IPv4 mapped into IPv6', (port: number) => `[::ffff:203.0.113.8]:${port}`],
  ])('counts one client once, where its proxy writes the port too: %s', async (_kind, from) => {
    const behind = await startTestHttp({ limits: { ratePerMinute: 3, trustedProxies: 1, corsOrigin: null } })
    const statuses: number[] = []
    for (let n = 0; n < 5; n += 1)
      statuses.push(
        (await fetch(`${behind.api}/enclaves`, { headers: { 'x-forwarded-for': from(40_000 + n) } })).status,
      )
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    await behind.close()
  })
})

describe('pages of other origins', () => {
  it('are let in only when the operator says so', async () => {
    const closed = await fetch(`${http.api}/enclaves`, { headers: { origin: 'https://app.example' } })
    expect(closed.headers.get('access-control-allow-origin')).toBeNull()
    const open = await startTestHttp({ limits: { ratePerMinute: 100, trustedProxies: 0, corsOrigin: '*' } })
    const preflight = await fetch(`${open.api}/signing`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key')
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    await open.close()
  })

  it('are told from each other, where only some are let in', async () => {
    const corsOrigin = new Set(['https://app.example', 'http://localhost:*'])
    const some = await startTestHttp({ limits: { ratePerMinute: 100, trustedProxies: 0, corsOrigin } })
    const answer = async (origin: string) => (await fetch(`${some.api}/enclaves`, { headers: { origin } })).headers
    for (const origin of ['https://app.example', 'http://localhost', 'http://localhost:5173']) {
      const headers = await answer(origin)
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('vary')).toBe('origin')
    }
    const others = [
      'http://app.example',
      'https://app.example:444',
      'https://localhost',
      'http://localhost.evil',
      'null',
    ]
    for (const origin of others) expect((await answer(origin)).get('access-control-allow-origin')).toBeNull()
    await some.close()
  })
})
