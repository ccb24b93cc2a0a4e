import { describe, expect, it } from 'vitest'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { GrantTerms, Key, Signing } from '../src/index.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { people, type People } from './people.ts'

/*
 * The first signings here end as if no host knew the epoch. The scripted gateway counts approvals alone, so that Bob approves where his
 * grant would do.
 */
withOwnGateway()

const granted = (): GrantTerms => ({
  ...{ askers: ['alice'], content: ['bytes'] },
  expiresAt: Date.now() + 600_000,
  limit: { count: 10, per: 60_000 },
})

async function start({ grant }: { grant: GrantTerms | null }): Promise<People & { key: Key }> {
  const all = people(fleet, gateway)
  const { alice, bob, carol } = all
  const participants = ['alice', 'bob', 'carol']
  const keygen = await alice.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants })
  for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId), { grant })
  return { ...all, key: await keygen.completed() }
}

const asked = (): SigningRequest['body'][] =>
  gateway.asked.flatMap(({ route, body }) =>
    route === 'requestSigning' ? (body as { request: SigningRequest }).request.body : [],
  )

/** The first so many signings that were asked for end since nobody knows the epoch. */
function forget(first: number): void {
  gateway.lies.getSigning = (honest: RouteReply<'getSigning'>) => {
    const at = asked().findIndex(({ signingId }) => signingId === honest.signingId)
    return at >= first ? honest : { ...honest, state: 'failed', failure: { code: 'epoch.unproven', culprits: [] } }
  }
}

/** The gateway says from now on that the hosts have other lives. */
function restartHosts(): string[] {
  const lives = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32))
  gateway.lies.openSession = (honest: RouteReply<'openSession'>) => ({ ...honest, lives })
  return lives
}

describe('a signing that ended since no host knew the epoch', () => {
  it('is asked for once more by who asked, in a word that names the hosts as they are now, where grants do the rest', async () => {
    const { alice, bob, key } = await start({ grant: granted() })
    forget(1)
    const signing = await alice.requestSignature(key, 'hello')
    const lives = restartHosts()
    const again: Signing[] = []
    const approved: Promise<void>[] = []
    const result = await signing.completed({
      onAskedAgain: (next) => {
        again.push(next)
        approved.push(bob.approve(next))
      },
    })
    await Promise.all(approved)
    expect(result.signatures).toHaveLength(1)
    const [before, after] = asked()
    expect(asked()).toHaveLength(2)
    expect(after?.lives).toEqual(lives)
    expect(before?.lives).not.toEqual(lives)
    expect(after?.expiresAt).toBe(before?.expiresAt)
    expect(result.request.body.signingId).toBe(after?.signingId)
    expect(again.map(({ signingId }) => signingId)).toEqual([after?.signingId])
  })

  it('is not asked for a third time', async () => {
    const { alice, key } = await start({ grant: granted() })
    forget(9)
    const signing = await alice.requestSignature(key, 'hello')
    const refusal = { code: 'epoch.unproven', by: 'gateway', issues: [expect.stringContaining('ask again: 2 of 3')] }
    await expect(signing.completed()).rejects.toMatchObject(refusal)
    await expect(signing.completed()).rejects.toMatchObject(refusal)
    expect(asked()).toHaveLength(2)
  })

  it('is not asked for again where others would have to approve it again: the error says whose words are wanted', async () => {
    const { alice, bob, key } = await start({ grant: null })
    forget(9)
    const signing = await alice.requestSignature(key, 'hello')
    await bob.approve(signing)
    const refusal = { code: 'epoch.unproven', issues: [expect.stringContaining('ask again: 2 of 3 participants')] }
    await expect(signing.completed()).rejects.toMatchObject(refusal)
    expect(asked()).toHaveLength(1)
  })

  it('is not asked for again by anybody else', async () => {
    const { alice, bob, key } = await start({ grant: granted() })
    forget(9)
    const { signingId } = await alice.requestSignature(key, 'hello')
    const seen = await bob.signing(key, signingId)
    await expect(seen.completed()).rejects.toMatchObject({ code: 'epoch.unproven' })
    expect(asked()).toHaveLength(1)
  })

  it('is withdrawn as what it was asked for again as', async () => {
    const { alice, key } = await start({ grant: granted() })
    forget(1)
    const signing = await alice.requestSignature(key, 'hello')
    await expect(signing.completed({ onAskedAgain: () => void signing.withdraw() })).rejects.toMatchObject({
      code: 'signing.withdrawn',
    })
    expect(gateway.asked.find(({ route }) => route === 'withdrawSigning')?.params.signingId).toBe(asked()[1]?.signingId)
  })
})
