import { Refusal } from '@quorate/shared/errors'
import { none, route, writePath, type ParameterName, type Route, type Want } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createWhoMay } from '../../src/http/principal.ts'
import {
  answerOf,
  keyA,
  keyB,
  refreshOfA,
  refreshOfB,
  signingOfA,
  signingOfB,
  startTestHttp,
  tokenFor,
  unknownKey,
  unknownRefresh,
  unknownSigning,
  type TestHttp,
} from './fixture.ts'

let http: TestHttp
let tokenOfA: string
beforeAll(async () => {
  http = await startTestHttp()
  tokenOfA = await tokenFor(http, keyA)
})
afterAll(() => http.close())

type Ids = Readonly<Record<ParameterName, string>>
const eventId = '0'.repeat(64)
const own: Ids = { keyId: keyA, signingId: signingOfA, refreshId: refreshOfA, enclaveId: 'enclave-0', eventId }
const foreign: Ids = { keyId: keyB, signingId: signingOfB, refreshId: refreshOfB, enclaveId: 'enclave-0', eventId }
const unknown: Ids = {
  keyId: unknownKey,
  signingId: unknownSigning,
  refreshId: unknownRefresh,
  enclaveId: 'enclave-9',
  eventId,
}

/** What a query demands, by name: a new route whose query demands more fails here until it has a row. */
const demanded: Readonly<Record<string, string>> = { from: '0', nonce: '0'.repeat(64) }

const fieldsOf = (schema: z.core.$ZodType): [string, z.core.$ZodType][] =>
  Object.entries((schema as z.core.$ZodObject)._zod.def.shape)
const queryOf = ({ query }: Route): string =>
  fieldsOf(query)
    .filter(([, part]) => !z.safeParse(part, undefined).success)
    .map(([name]) => `${name}=${demanded[name] ?? 'a row is missing'}`)
    .join('&')

const wanting = (want: Want): [string, Route][] =>
  Object.entries<Route>(routes).filter(([, { wants }]) => wants === want)

/** Asks by the route as the table has it. A POST sends a body that no schema takes: whoever gets 400 was let in. */
async function ask(of: Route, ids: Ids, headers: Record<string, string>, more = '') {
  const path = writePath(of.path, (name) => ids[name as ParameterName])
  const post = { method: 'POST', body: '"none"', headers: { 'content-type': 'application/json', ...headers } }
  const reply = await fetch(`${http.api}${path}?${queryOf(of)}${more}`, of.method === 'post' ? post : { headers })
  if (reply.headers.get('content-type') !== 'text/event-stream') return answerOf(reply)
  await reply.body?.cancel()
  return { status: reply.status, body: '' }
}
const bearing = (token: string) => ({ authorization: `Bearer ${token}` })

describe.each(wanting('reader'))('%s, which wants a reader,', (_name, of) => {
  const names = fieldsOf(of.params).map(([name]) => name as ParameterName)
  const waits = fieldsOf(of.query).some(([name]) => name === 'wait') ? ['', '&wait=30s'] : ['']

  it('refuses who sends no token', async () => {
    for (const headers of [{}, { authorization: 'Basic YTpi' }, bearing('x.y.z')])
      for (const more of waits) {
        const refused = await ask(of, own, headers, more)
        expect(refused.status).toBe(401)
        expect(JSON.parse(refused.body)).toMatchObject({ code: 'request.unauthorized' })
      }
  })

  it('tells a reader of one key nothing of whether an object of another exists', async () => {
    expect(names).not.toEqual([])
    for (const name of names)
      for (const more of waits) {
        const other = await ask(of, { ...own, [name]: foreign[name] }, bearing(tokenOfA), more)
        expect(other.status).toBe(404)
        expect(other).toEqual(await ask(of, { ...own, [name]: unknown[name] }, bearing(tokenOfA), more))
      }
    expect((await ask(of, foreign, bearing(tokenOfA))).status).toBe(404)
  })

  it('answers a reader of the key that the object belongs to', async () => {
    expect((await ask(of, own, bearing(tokenOfA))).status).toBe(of.method === 'get' ? 200 : 400)
    const tokenOfB = await tokenFor(http, keyB)
    expect((await ask(of, foreign, bearing(tokenOfB))).status).toBe(of.method === 'get' ? 200 : 400)
  })
})

describe.each(wanting('nobody'))('%s, which wants nobody,', (_name, of) => {
  it('asks for no token, and does not look at one', async () => {
    const without = await ask(of, own, {})
    expect(without.status).not.toBe(401)
    expect(await ask(of, own, bearing('x.y.z'))).toEqual(without)
  })
})

describe('a guard', () => {
  const rest = { method: 'get', summary: '', wants: 'reader', query: none, body: null, reply: none } as const
  const refuse = () => Promise.reject(new Refusal('request.not_found'))
  const refusing = { status: refuse, wait: refuse, watch: () => () => undefined }
  const whoMay = createWhoMay({ verify: () => Promise.resolve(keyA) }, { signing: refusing, refresh: refusing })
  const make = (of: Route) => () => whoMay[of.wants](of)

  it('is not made for a route whose object belongs to no key', () => {
    const errors = ['request.not_found'] as const
    expect(make(route({ ...rest, path: '/keys/{keyId}', errors }))).not.toThrow()
    expect(make(route({ ...rest, path: '/keys', errors }))).toThrow('GET /keys wants a reader')
    expect(make(route({ ...rest, path: '/enclaves/{enclaveId}', errors }))).toThrow('{enclaveId}')
    expect(make(route({ ...rest, path: '/keys/{keyId}/enclaves/{enclaveId}', errors }))).toThrow('{enclaveId}')
  })

  it('is not made for a route that does not say what it answers about an object that does not exist', () => {
    expect(make(route({ ...rest, path: '/keys/{keyId}', errors: ['session.conflict'] }))).toThrow('does not exist')
  })

  it('answers with the refusal of its route, whatever the lookup said', async () => {
    const of = route({ ...rest, path: '/signing/{signingId}', errors: ['enclave.locked', 'key.not_found'] })
    const { principal, mayReach } = await whoMay.reader(of)('Bearer a')
    expect(principal).toEqual({ kind: 'reader', keyId: keyA })
    await expect(mayReach({ signingId: signingOfA })).rejects.toEqual(new Refusal('key.not_found'))
  })

  it('takes a store that fails for what it is, and not for an object that does not exist', async () => {
    const failing = await startTestHttp()
    Object.assign(failing.coordinator.follow.signing, { status: () => Promise.reject(new Refusal('store.failed')) })
    const headers = bearing(await tokenFor(failing, keyA))
    const reply = await fetch(`${failing.api}/signing/${signingOfA}/status`, { headers })
    expect(await reply.json()).toMatchObject({ code: 'store.failed' })
    await failing.close()
  })
})
