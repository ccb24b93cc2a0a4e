import { randomBytes } from 'node:crypto'
import { schnorr } from '@noble/curves/secp256k1.js'
import { QuorateError, type GrantTerms, type Invitation, type Keygen, type Participant } from '@quorate/client'
import { toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { long, withFleet } from './support/sdk-fleet.ts'

/*
 * People whose programs die while a key is made, on a real fleet. What they keep is a seed and a text; each life is a program of its own.
 */
const { quorate } = withFleet()

const crash = new Error('the program has died')
const wish = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob'] } as const
const granted = (): GrantTerms => ({
  ...{ askers: ['alice'], content: ['bytes'] },
  limit: { count: 10, per: 60_000 },
  expiresAt: Date.now() + 600_000,
})

/** Somebody with a seed, in as many lives as it takes. `deaf`: no answer to a registration arrives, though the registration does. */
function person(name: string) {
  const seed = randomBytes(32)
  let token = ''
  const live = (): Participant => quorate().participant(name, { seed })
  const deaf = (): Participant => {
    const hearNothing: typeof fetch = async (url, init) => {
      const answer = await fetch(url, init)
      if ((url as URL).pathname.endsWith('/participants')) throw new QuorateError('gateway.moved', 'client')
      return answer
    }
    return quorate({ fetch: hearNothing }).participant(name, { seed })
  }
  return {
    ...{ live, deaf },
    token: () => token,
    keep: (kept: string) => void (token = kept),
    keepAndDie: (kept: string) => {
      token = kept
      throw crash
    },
  }
}

async function signWith(alice: Participant, bob: Participant, keygen: Keygen): Promise<string> {
  const key = await keygen.completed({ timeout: long })
  const signing = await alice.requestSignature(key, 'hello')
  await bob.approve(signing)
  const { signatures } = await signing.completed({ timeout: long })
  expect(signatures).toHaveLength(1)
  return key.groupKey
}

describe('a person whose program dies', { timeout: long }, () => {
  it('after it reserved a key goes on with the invitations and the own share', async () => {
    const alice = person('alice')
    await expect(alice.live().reserveKey({ ...wish, keep: alice.keepAndDie })).rejects.toBe(crash)
    const resumed = await alice.live().resumeKey(alice.token())
    const bob = person('bob').live()
    await bob.participate(resumed.invitation('bob'))
    await signWith(alice.live(), bob, await alice.live().resumeKey(alice.token()))
  })

  it('after it reserved a key for others goes on with their invitations', async () => {
    const carol = person('carol')
    await expect(carol.live().reserveKey({ ...wish, keep: carol.keepAndDie })).rejects.toBe(crash)
    const resumed = await carol.live().resumeKey(carol.token())
    const [alice, bob] = [person('alice').live(), person('bob').live()]
    for (const one of [alice, bob]) await one.participate(resumed.invitation(one.userId))
    await signWith(alice, bob, resumed)
  })

  it.each([
    ['before its registration is sent', 'live', 'keepAndDie'],
    ['when its registration has arrived', 'deaf', 'keep'],
  ] as const)('%s goes on as the participant that it was, under the same grant', async (_, life, keep) => {
    const [alice, bob] = [person('alice').live(), person('bob')]
    const keygen = await alice.reserveKey(wish)
    const invitation = keygen.invitation('bob')
    const died = bob[life]().participate(invitation, { grant: granted(), keep: bob[keep] })
    await expect(died).rejects.toBeInstanceOf(Error)
    const resumed = await bob.live().resumeKey(bob.token())
    const key = await resumed.completed({ timeout: long })
    const { signatures } = await (await alice.requestSignature(key, 'hello')).completed({ timeout: long })
    expect(signatures).toHaveLength(1)
  })

  it('with an own key that it brought is asked for it again unless it has arrived', async () => {
    const [alice, bob] = [person('alice').live(), person('bob')]
    const ownKey = schnorr.utils.randomSecretKey()
    const keygen = await alice.reserveKey({ ...wish, scheme: 'musig2' })
    const invitation: Invitation = keygen.invitation('bob')
    await expect(bob.live().participate(invitation, { ownKey, keep: bob.keepAndDie })).rejects.toBe(crash)
    expect(bob.token()).not.toContain(toHex(ownKey))
    await expect(bob.live().resumeKey(bob.token())).rejects.toMatchObject({ code: 'secret.invalid' })
    const other = { ownKey: schnorr.utils.randomSecretKey() }
    await expect(bob.live().resumeKey(bob.token(), other)).rejects.toMatchObject({ code: 'secret.invalid' })
    const resumed = await bob.live().resumeKey(bob.token(), { ownKey })
    const again = await bob.live().resumeKey(bob.token())
    expect(again.ownPublicKey).toBe(resumed.ownPublicKey)
    await signWith(alice, bob.live(), again)
  })

  it('after the key is there has it all the same', async () => {
    const [alice, bob] = [person('alice'), person('bob').live()]
    const keygen = await alice.live().reserveKey({ ...wish, keep: alice.keep })
    await bob.participate(keygen.invitation('bob'))
    const { digest } = await keygen.completed({ timeout: long })
    const resumed = await alice.live().resumeKey(alice.token())
    expect((await resumed.completed({ timeout: long })).digest).toBe(digest)
  })
})
