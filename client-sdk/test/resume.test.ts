import { beforeEach, describe, expect, it } from 'vitest'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { fleet, gateway, refusedAs, sentTo, wish, withOwnGateway } from './lying-gateway.ts'
import { people, type People } from './people.ts'

withOwnGateway()

const seeds = { alice: new Uint8Array(32).fill(1), bob: new Uint8Array(32).fill(2) }
/** Programs that know nothing but these seeds. */
const born = (): People => people(fleet, gateway, {}, seeds)

let token: string
const keep = (kept: string) => void (token = kept)
beforeEach(() => {
  token = ''
})

describe('a key in the making is resumed', () => {
  it('from a text that was kept before anything was registered', async () => {
    const sent: number[] = []
    const saved = async (kept: string) => {
      await Promise.resolve()
      sent.push(sentTo('register').length)
      keep(kept)
    }
    const keygen = await born().alice.reserveKey({ ...wish, keep: saved })
    expect(sent).toEqual([0])
    const resumed = await born().alice.resumeKey(token)
    expect(resumed.invitation('bob')).toEqual(keygen.invitation('bob'))
    expect(resumed.keyId).toBe(keygen.keyId)
    expect(sentTo('register')).toHaveLength(1)
  })

  it('and registers what the gateway says is not there', async () => {
    await born().alice.reserveKey({ ...wish, keep })
    gateway.lies.getKeygen = (honest: RouteReply<'getKeygen'>) => ({
      ...honest,
      slots: honest.slots.map((slot) => ({ ...slot, registered: false })),
    })
    await born().alice.resumeKey(token)
    expect(sentTo('register')).toHaveLength(2)
  })

  it('by nobody else, with no other seed, and from nothing else', async () => {
    await born().alice.reserveKey({ ...wish, keep })
    await expect(born().bob.resumeKey(token)).rejects.toMatchObject(refusedAs('token.invalid'))
    const other = people(fleet, gateway).alice
    await expect(other.resumeKey(token)).rejects.toMatchObject(refusedAs('participant.unknown'))
    for (const text of ['', '{}', token.slice(1), token.replace('quorate-keygen/v1', 'quorate-keygen/v9')])
      await expect(born().alice.resumeKey(text)).rejects.toMatchObject(refusedAs('token.invalid'))
    expect(sentTo('register')).toHaveLength(1)
  })

  it('and not beside another of its id', async () => {
    const { alice } = born()
    await alice.reserveKey({ ...wish, keep })
    const forged = JSON.parse(token) as { skeleton: { threshold: number } }
    forged.skeleton.threshold = 3
    const resumed = alice.resumeKey(JSON.stringify(forged))
    await expect(resumed).rejects.toMatchObject(refusedAs('keygen.skeleton_mismatch'))
  })

  it('and is found out when what was registered is not in it', async () => {
    const { bob, carol } = born()
    const keygen = await born().alice.reserveKey({ ...wish, keep })
    for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId))
    const forged = JSON.parse(token) as { joining: { own: { skeletonDigest: string } } }
    forged.joining.own.skeletonDigest = '00'.repeat(32)
    const resumed = await born().alice.resumeKey(JSON.stringify(forged))
    await expect(resumed.completed()).rejects.toMatchObject({ code: 'keygen.roster_mismatch' })
    expect((await (await born().alice.resumeKey(token)).completed()).participants).toEqual(wish.participants)
  })
})
