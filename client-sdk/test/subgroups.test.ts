import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'
import { certify } from './fleet.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { people } from './people.ts'

withOwnGateway()

const participants = ['alice', 'bob', 'carol']
const frame = { scheme: 'musig2', threshold: 3, participants } as const
const subgroups = { pair: ['alice', 'bob'], others: ['bob', 'carol'] }

async function reserved() {
  const all = people(fleet, gateway)
  const keygen = await all.alice.reserveKey({ ...frame, subgroups })
  for (const one of [all.bob, all.carol]) await one.participate(keygen.invitation(one.userId))
  return { ...all, keygen }
}

describe('a sub-group', () => {
  it('signs, is looked at by its members, and verifies under its key', async () => {
    const { alice, bob, carol, keygen } = await reserved()
    const key = await keygen.completed()
    const signing = await bob.requestSignature(key, 'hello', { subgroup: 'others' })
    expect(await alice.pendingSignings(key)).toEqual([])
    const [mine] = await carol.pendingSignings(key)
    await carol.approve(mine!)
    const { signatures } = await signing.completed()
    expect(schnorr.verify(signatures[0]!, hashOfBytes('hello'), fromHex(key.subgroup('others').groupKey))).toBe(true)
  })

  it('is refused with a certificate that gives it another key', async () => {
    const { keygen } = await reserved()
    gateway.lies.getKeygen = async (status: RouteReply<'getKeygen'>) => {
      const { body } = status.certificate ?? {}
      const swapped = body?.subgroupKeys?.toReversed()
      return body && swapped
        ? { ...status, certificate: await certify(fleet, { ...body, subgroupKeys: swapped }) }
        : status
    }
    await expect(keygen.completed()).rejects.toMatchObject({ code: 'certificate.invalid', by: 'client' })
  })

  const wishes: [string, object, RegExp][] = [
    ['of somebody alone', { subgroups: { alone: ['alice'] } }, /2/],
    ['of one person twice', { subgroups: { twice: ['alice', 'alice'] } }, /each once/],
    ['of a stranger', { subgroups: { pair: ['alice', 'dave'] } }, /pair: dave is no participant/],
    ['of the same people as another', { subgroups: { one: ['alice', 'bob'], two: ['bob', 'alice'] } }, /same members/],
    ['of no name', { subgroups: { '': ['alice', 'bob'] } }, /id/],
    [
      'of a key of another scheme',
      { scheme: 'frost-secp256k1-tr', threshold: 2, subgroups: { pair: ['alice', 'bob'] } },
      /keys of frost-secp256k1-tr have no sub-groups/,
    ],
  ]
  it.each(wishes)('%s is refused before anything is sent', async (_, wish, why) => {
    const { alice } = people(fleet, gateway)
    const error: unknown = await alice.reserveKey({ ...frame, ...wish }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'keygen.subgroup_invalid', by: 'client' })
    expect((error as { issues: string[] }).issues.join()).toMatch(why)
    expect(gateway.asked).toEqual([])
  })

  it('is in no enclave alone, unless everybody says so', async () => {
    const { alice, bob } = people(fleet, gateway)
    const wish = {
      ...({ scheme: 'musig2', threshold: 4, participants: [...participants, 'dave'] } as const),
      // Of four people at three enclaves the first and the last sit together.
      subgroups: { together: ['alice', 'dave'] },
    }
    await expect(alice.reserveKey(wish)).rejects.toMatchObject({ code: 'keygen.crowded', by: 'client' })
    const keygen = await alice.reserveKey({ ...wish, sharesPerEnclave: 2 })
    const invitation = keygen.invitation('bob')
    await expect(bob.participate(invitation)).rejects.toMatchObject({ code: 'keygen.crowded', by: 'client' })
    await bob.participate(invitation, { sharesPerEnclave: 2 })
  })
})
