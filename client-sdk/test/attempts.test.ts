import { describe, expect, it } from 'vitest'
import { Quorate, type Attempt } from '../src/index.ts'
import { fleet, gateway, wish, withOwnGateway } from './lying-gateway.ts'
import { ways } from './ways.ts'

withOwnGateway()

const unavailable = (id: string) => () => ({
  ...{ raw: '', status: 503, type: 'text/plain' },
  headers: { 'x-request-id': id },
})

describe.each(ways)('over %s', (_, way) => {
  function watched() {
    const seen: Attempt[] = []
    const options = { ...way, gateway: gateway.url, trust: fleet.trust, retry: { attempts: 3, pause: 2 } }
    const quorate = new Quorate({ ...options, onAttempt: (attempt) => seen.push(attempt) })
    return { quorate, seen }
  }

  it('each try is told, with why it failed, by which id it is found, and when the next one begins', async () => {
    const { quorate, seen } = watched()
    gateway.faults.push(unavailable('first'), () => ({ problem: 'gateway.draining' }))
    await quorate.enclaves()
    const number = expect.any(Number) as number
    const of = { method: 'GET', route: 'listEnclaves', ms: number }
    expect(seen).toEqual([
      { ...of, attempt: 1, status: 503, requestId: 'first', code: 'gateway.unavailable', retryIn: number },
      { ...of, attempt: 2, status: 503, requestId: null, code: 'gateway.draining', retryIn: number },
      { ...of, attempt: 3, status: 200, requestId: null, code: null, retryIn: null },
    ])
    expect(seen[0]!.retryIn).toBeGreaterThan(0)
  })

  it('the last try says that there is none after it, and a refusal for good is the last', async () => {
    const { quorate, seen } = watched()
    gateway.faults.push(unavailable('1'), unavailable('2'), unavailable('3'), () => ({ problem: 'request.invalid' }))
    await expect(quorate.enclaves()).rejects.toMatchObject({ code: 'gateway.unavailable', requestId: '3' })
    await expect(quorate.enclaves()).rejects.toMatchObject({ code: 'request.invalid' })
    expect(seen.map(({ attempt, retryIn }) => [attempt, retryIn === null])).toEqual([
      ...[
        [1, false],
        [2, false],
        [3, true],
      ],
      [1, true],
    ])
  })

  it('an answer that is none of this API is found by its id too', async () => {
    const { quorate, seen } = watched()
    const headers = { 'x-request-id': 'odd' }
    gateway.faults.push(() => ({ raw: '{"enclaves":0}', status: 200, type: 'application/json', headers }))
    await expect(quorate.enclaves()).rejects.toMatchObject({ code: 'reply.invalid', requestId: 'odd' })
    expect(seen).toMatchObject([{ status: 200, code: 'reply.invalid', requestId: 'odd' }])
  })

  it('no answer has no status, and what its caller stops has no code', async () => {
    const { quorate, seen } = watched()
    await gateway.close()
    await expect(quorate.enclaves()).rejects.toMatchObject({ code: 'gateway.unavailable' })
    expect(seen).toHaveLength(3)
    expect(seen[0]).toMatchObject({ status: null, requestId: null, code: 'gateway.unavailable' })
    const stopped = watched()
    await expect(stopped.quorate.enclaves({ signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
    expect(stopped.seen).toMatchObject([{ status: null, code: null, retryIn: null }])
  })

  it('nothing that is told holds a body, a parameter or a secret', async () => {
    const { quorate, seen } = watched()
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const alice = quorate.participant('alice', { seed })
    const keygen = await alice.reserveKey({ ...wish, participants: ['alice', 'bob'] })
    const { sessionSecret, invitationKey } = keygen.invitation('bob')
    await keygen.status()
    const bearers = gateway.asked.map(({ params }) => params.keyId ?? '')
    const text = JSON.stringify(seen)
    expect(seen.map(({ route }) => route)).toContain('getKeygen')
    for (const secret of [sessionSecret, invitationKey, keygen.keyId, 'alice', ...bearers.filter(Boolean)])
      expect(text).not.toContain(secret)
    expect(Object.keys(seen[0]!).sort()).toEqual(
      ['attempt', 'code', 'method', 'ms', 'requestId', 'retryIn', 'route', 'status'].sort(),
    )
  })
})
