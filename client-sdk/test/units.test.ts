import { describe, expect, it } from 'vitest'
import type { GrantTerms } from '../src/index.ts'
import { readTerms } from '../src/bunker/terms.ts'
import { fleet, gateway, sentTo, wish, withOwnGateway } from './lying-gateway.ts'
import { people } from './people.ts'

/* What is a time in the SDK is in milliseconds, whatever the wire has. */
withOwnGateway()

const grant = (per: number): GrantTerms => ({
  ...{ askers: ['bob'], content: ['bytes'], expiresAt: Date.now() + 600_000 },
  limit: { count: 10, per },
})

describe('milliseconds', () => {
  it('are what a keygen lasts', async () => {
    const { alice } = people(fleet, gateway)
    await alice.reserveKey({ ...wish, expiresIn: 90_000 })
    await alice.reserveKey({ ...wish, expiresIn: 90_001 })
    await alice.reserveKey(wish)
    const bodies = sentTo('reserveKeygen').map(({ body }) => body as { ttl: number })
    expect(bodies.map(({ ttl }) => ttl)).toEqual([90, 91, 3_600])
    await expect(alice.reserveKey({ ...wish, expiresIn: 9_000 })).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('expiresIn') as string,
    })
  })

  it('are what the window of a grant lasts, in whole seconds', async () => {
    const { alice, bob, carol } = people(fleet, gateway)
    const keygen = await alice.reserveKey({ ...wish, grant: grant(60_000) })
    for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId))
    const { registrations } = (await keygen.completed()).certificate.body.roster
    expect(registrations[0]!.body.grant!.body.scope).toMatchObject({ limit: { count: 10, seconds: 60 } })
    for (const per of [0, 1_500])
      await expect(alice.reserveKey({ ...wish, grant: grant(per) })).rejects.toMatchObject({
        code: 'request.invalid',
        message: expect.stringContaining('limit.per') as string,
      })
  })

  it('are how far the date of an event may be from now', () => {
    expect(readTerms({ dated: { before: 60_000, after: 0 } }, 0).dated).toEqual({ before: 60, after: 0 })
    expect(() => readTerms({ dated: { before: 1_500, after: 0 } }, 0)).toThrow('multiple of 1000')
  })
})
