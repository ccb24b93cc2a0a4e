import { describe, expect, it } from 'vitest'
import { refusals, type RefusalCode } from '@quorate/shared/errors'
import { Quorate, type QuorateError } from '../src/index.ts'
import { fleet, gateway, refusedAs, sentTo, wish, withOwnGateway } from './lying-gateway.ts'
import { makeKey, people } from './people.ts'

withOwnGateway()

describe('an answer', () => {
  const answers: [string, string, number, string, RefusalCode][] = [
    ['that is no JSON', '<html>', 200, 'text/html', 'reply.invalid'],
    ['that is empty', '', 200, 'application/json', 'reply.invalid'],
    ['of another form', '{"enclaves":[{"enclaveId":"../x"}]}', 200, 'application/json', 'reply.invalid'],
    ['with a field too many', '{"enclaves":[],"__proto__":{"a":1},"b":2}', 200, 'application/json', 'reply.invalid'],
    ['that is an error page', '<h1>Not found</h1>', 404, 'text/html', 'reply.invalid'],
    [
      'with a code that does not exist',
      '{"type":"","title":"","status":400,"code":"made.up","retry":"never"}',
      400,
      'application/problem+json',
      'reply.invalid',
    ],
    ['of a proxy without its gateway', 'Bad Gateway', 502, 'text/plain', 'gateway.unavailable'],
  ]
  it.each(answers)('%s is refused', async (_name, raw, status, type, code) => {
    gateway.faults.push(() => ({ raw, status, type }))
    const quorate = new Quorate({ gateway: gateway.url, trust: fleet.trust, retry: { attempts: 1, pause: 1 } })
    await expect(quorate.enclaves()).rejects.toMatchObject(refusedAs(code))
  })

  it('that refuses keeps its code and culprits, and is known as the word of the gateway', async () => {
    gateway.faults.push(() => ({ problem: 'keygen.no_enclaves', culprits: [2] }))
    const { alice } = people(fleet, gateway, { retry: { attempts: 1, pause: 1 } })
    await expect(alice.reserveKey(wish)).rejects.toMatchObject({
      code: 'keygen.no_enclaves',
      by: 'gateway',
      culprits: [2],
      retry: 'same_request',
      message: refusals['keygen.no_enclaves'].title,
    })
  })

  it('names its request, when it says by which id', async () => {
    const namedBy = async (id: string) => {
      const headers = { 'x-request-id': id }
      gateway.faults.push(() => ({ raw: '{}', status: 400, type: 'application/json', headers }))
      const error: unknown = await people(fleet, gateway)
        .alice.reserveKey(wish)
        .then(
          () => null,
          (reason: unknown) => reason,
        )
      return (error as QuorateError).requestId
    }
    expect(await namedBy('0b9c5a4e-7d8f')).toBe('0b9c5a4e-7d8f')
    for (const id of ['x'.repeat(65), 'a b', '\u00e9']) expect(await namedBy(id)).toBeNull()
  })

  it('that asks to come again is followed by the same request under the same Idempotency-Key', async () => {
    gateway.faults.push(
      () => ({ problem: 'gateway.draining' }),
      () => ({ raw: '', status: 503, type: 'text/plain' }),
    )
    await people(fleet, gateway).alice.reserveKey(wish)
    const tries = sentTo('reserveKeygen')
    expect(tries).toHaveLength(3)
    expect(new Set(tries.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect(tries[0]!.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/)
  })

  /** As the gateway says that a bound is reached. */
  const bounded = (bound: string, retryAfter?: number) => {
    const { status, title, retry } = refusals['bound.reached']
    const raw = JSON.stringify({ type: '/docs#bound.reached', title, status, code: 'bound.reached', retry, bound })
    const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
    return () => ({ raw, status, type: 'application/problem+json', headers })
  }

  it.each([
    ['for which waiting does not help', 'asker', undefined],
    ['for which it would have to wait long', 'address', 3_600],
  ])('that a bound is reached %s is said at once, with whose it is', async (_, bound, after) => {
    gateway.faults.push(bounded(bound, after))
    const retryAfter = after === undefined ? null : after * 1_000
    const expected = { code: 'bound.reached', by: 'gateway', bound, retryAfter }
    await expect(people(fleet, gateway).alice.reserveKey(wish)).rejects.toMatchObject(expected)
    expect(sentTo('reserveKeygen')).toHaveLength(1)
  })

  it('that a bound is reached for a moment is followed by the same request', async () => {
    gateway.faults.push(bounded('address', 1))
    await people(fleet, gateway).alice.reserveKey(wish)
    expect(sentTo('reserveKeygen')).toHaveLength(2)
  })

  it('that refuses for good is not asked for again', async () => {
    gateway.faults.push(() => ({ problem: 'request.invalid' }))
    await expect(people(fleet, gateway).alice.reserveKey(wish)).rejects.toMatchObject({ code: 'request.invalid' })
    expect(sentTo('reserveKeygen')).toHaveLength(1)
  })

  it('that no longer takes the token is followed by a new proof, once', async () => {
    const { keygen } = await makeKey(fleet, gateway)
    const proofs = sentTo('openSession').length
    gateway.faults.push(() => ({ problem: 'request.unauthorized' }))
    await keygen.status()
    expect(sentTo('openSession')).toHaveLength(proofs + 1)
    gateway.faults.push(
      () => ({ problem: 'request.unauthorized' }),
      () => undefined,
      () => ({ problem: 'request.unauthorized' }),
    )
    await expect(keygen.status()).rejects.toMatchObject({ code: 'request.unauthorized', by: 'gateway' })
  })

  it('that the lives are over which a word names is followed by another word, over those of now, three times', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    await alice.requestSignature(key, 'with lives')
    const [proofs, requests] = [sentTo('openSession').length, sentTo('requestSigning').length]
    const stale = ({ route }: { route: string }) =>
      route === 'requestSigning' || route === 'approveSigning' ? { problem: 'lives.stale' as const } : undefined
    gateway.faults.push(stale)
    const asked = await alice.requestSignature(key, 'said anew')
    expect(sentTo('openSession')).toHaveLength(proofs + 1)
    expect(sentTo('requestSigning')).toHaveLength(requests + 2)
    const signing = await bob.signing(key, asked.signingId)
    const times = (count: number) => Array.from({ length: count }, () => [stale, () => undefined]).flat()
    gateway.faults.push(...times(3), stale)
    await expect(bob.approve(signing)).rejects.toMatchObject({ code: 'lives.stale', by: 'gateway' })
    gateway.faults.push(...times(3))
    const approvals = sentTo('approveSigning').length
    await bob.approve(signing)
    expect(sentTo('approveSigning')).toHaveLength(approvals + 4)
  })

  it('that never comes is given up', async () => {
    await gateway.close()
    const { alice } = people(fleet, gateway)
    await expect(alice.reserveKey(wish)).rejects.toMatchObject(refusedAs('gateway.unavailable'))
  })
})
