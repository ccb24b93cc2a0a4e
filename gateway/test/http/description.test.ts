import { readFileSync } from 'node:fs'
import { InitBody, ReserveBody } from '@quorate/shared/wire/routes/keygen'
import { ofEnclaves, type Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import { Refusal } from '@quorate/shared/errors'
import * as z from 'zod'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { API } from '../../src/http/mount.ts'
import { openApi } from '../../src/http/openapi.ts'
import { keyA, post, startTestHttp, type TestHttp } from './fixture.ts'

let http: TestHttp
beforeAll(async () => {
  http = await startTestHttp()
})
afterAll(() => http.close())

type Operation = { operationId: string; tags: string[]; description: string; security: object[]; parameters: object[] }
type Description = {
  paths: Record<string, Record<string, Operation>>
  tags: { name: string }[]
  components: { schemas: object }
}

it('describes every route, and every schema that it refers to', async () => {
  const text = await (await fetch(`${http.url}/openapi.json`)).text()
  const { paths, components } = JSON.parse(text) as Description
  const described = Object.values(paths).flatMap((methods) => Object.values(methods).map((route) => route.operationId))
  expect(described.sort()).toEqual(Object.keys(routes).sort())
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(components.schemas).toHaveProperty(name!)
})

it('says of each route which resource it belongs to, whom it wants, and what its parameters mean', () => {
  const { paths, tags } = openApi(API) as unknown as Description
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  for (const { operationId, tags: own, security, description, parameters } of operations) {
    expect(tags.map(({ name }) => name)).toEqual(expect.arrayContaining(own))
    expect(own).toHaveLength(1)
    const { wants } = routes[operationId as keyof typeof routes]
    expect(security).toEqual(wants === 'nobody' ? [] : [{ token: [] }])
    expect(description).toMatch(wants === 'nobody' ? /^Needs no token/ : /^Needs a token/)
    for (const parameter of parameters) expect(parameter).toHaveProperty('description', expect.stringMatching(/\w/))
  }
})

it('is what stands in docs/openapi.json', () => {
  const kept = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')
  expect(`${JSON.stringify(openApi(API), null, 2)}\n`).toBe(kept)
})

/** Everything that this schema is made of, itself included. */
function partsOf(schema: unknown, found = new Set<z.core.$ZodType>()): Set<z.core.$ZodType> {
  if (Array.isArray(schema)) for (const part of schema) partsOf(part, found)
  else if (schema instanceof z.core.$ZodType && !found.has(schema)) {
    found.add(schema)
    for (const part of Object.values(schema._zod.def)) partsOf(part, found)
  } else if (schema !== null && typeof schema === 'object' && Object.getPrototypeOf(schema) === Object.prototype)
    for (const part of Object.values(schema)) partsOf(part, found)
  return found
}

it('says of each schema of a request what its code refuses beyond its form', () => {
  const asked = Object.values<Route>(routes).flatMap(({ params, query, body }) => [params, query, body])
  const refining = [...partsOf(asked)].filter(({ _zod: { def } }) =>
    (def.checks ?? []).some(({ _zod: { def } }) => def.check === 'custom'),
  )
  expect(refining.length).toBeGreaterThan(5)
  const words = ['description', 'pattern', 'uniqueItems', 'anyOf', 'required']
  for (const schema of refining)
    expect(Object.keys(z.globalRegistry.get(schema) ?? {})).toEqual(expect.arrayContaining([expect.toBeOneOf(words)]))
})

type Described = { components: { schemas: Record<string, unknown> } }
/** Zod reads JSON Schema as well as it writes it, and stands in for other readers here. It passes over `minItems` beside no `items`. */
const withItems = (_name: string, value: unknown): unknown =>
  value !== null && typeof value === 'object' && 'minItems' in value ? { items: {}, ...value } : value

/** What a reader of the description makes of one schema of it. Names may be any here: Zod reads patterns without Unicode's classes. */
function readAs(name: string): z.ZodType {
  const text = JSON.stringify(openApi(API)).replaceAll('#/components/schemas/', '#/$defs/')
  const { schemas } = (JSON.parse(text, withItems) as Described).components
  const $defs = { ...schemas, UserId: { type: 'string' } }
  return z.fromJSONSchema({ ...(schemas[name] as object), $defs } as never)
}

it('is as strict about a reservation as the gateway', () => {
  const described = readAs('ReserveBody')
  const good = { scheme: 'frost-ed25519', threshold: 2, participants: ['ann', 'bob', 'carol'], ttl: 60 }
  const people = (n: number) => Array.from({ length: n }, (_, at) => `person-${at}`)
  const bodies: [boolean, object][] = [
    [true, good],
    [true, { ...good, threshold: 32, participants: people(32) }],
    [false, { ...good, threshold: 33, participants: people(33) }],
    [true, { ...good, scheme: 'musig2', threshold: 100, participants: people(100) }],
    [false, { ...good, scheme: 'musig2', threshold: 101, participants: people(101) }],
    [false, { ...good, threshold: 4 }],
    [false, { ...good, threshold: 1 }],
    [false, { ...good, threshold: 1, participants: ['ann'] }],
    [false, { ...good, participants: ['ann', 'bob', 'ann'] }],
  ]
  for (const [fits, body] of bodies) {
    expect(ReserveBody.safeParse(body).success).toBe(fits)
    expect(described.safeParse(body).success, JSON.stringify(body)).toBe(fits)
  }
})

it('is as strict about base64url as the gateway', () => {
  const described = readAs('Base64url')
  const { sealed } = InitBody.shape.sealed.def.element.shape
  for (const text of ['', 'A', 'AA', 'AAA', 'AAAA', 'AAAAA', 'AAAAAA', 'AA==', 'A+AA', 'AA\n'])
    expect(described.safeParse(text).success, text).toBe(sealed.safeParse(text).success)
})

it('names the status of each refusal that an enclave gives', async () => {
  const asking = Object.entries<Route>(routes).filter(([, { errors }]) => errors.includes('enclave.unreachable'))
  expect(asking.map(([name]) => name).sort()).toEqual([
    'attestBunker',
    'createBunker',
    'getAttestation',
    'getManifestStatus',
    'greetClient',
    'initKeygen',
    'register',
  ])
  const ids = http.enclaves.ids()
  const nonce = '0'.repeat(64)
  const statuses = new Set<number>()
  for (const code of ofEnclaves) {
    expect(asking.every(([, { errors }]) => errors.includes(code))).toBe(true)
    const refuse = () => Promise.reject(new Refusal(code))
    const coordinator = { ...http.coordinator, register: refuse }
    const own = await startTestHttp({ coordinator, enclaves: { ...http.enclaves, ask: refuse } })
    for (const path of ['attestation', 'manifest'])
      statuses.add((await fetch(`${own.api}/enclaves/${ids[0]}/${path}?nonce=${nonce}`)).status)
    const registration = { userId: 'ann', sealed: 'AAAA' }
    statuses.add((await post(`${own.api}/keygen/${keyA}/participants`, registration)).status)
    // Throws for a status that the description lacks.
    await own.close()
  }
  expect([...statuses].sort()).toEqual([500, 503, 504])
})

it('sends the headers of an API that shows nothing, and no name of its server', async () => {
  const { headers } = await fetch(`${http.api}/enclaves`)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(headers.get('strict-transport-security')).toBeNull()
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-powered-by')).toBeNull()
})

it('asks for HTTPS alone where the operator says so', async () => {
  const hsts = 'max-age=31536000'
  const strict = await startTestHttp({ limits: { ratePerMinute: 100, trustedProxies: 0, corsOrigin: null, hsts } })
  for (const path of ['/api/v1/enclaves', '/docs', '/nowhere'])
    expect((await fetch(strict.url + path)).headers.get('strict-transport-security')).toBe(hsts)
  await strict.close()
})
