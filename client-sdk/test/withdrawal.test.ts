import { describe, expect, it } from 'vitest'
import { fleet, gateway, refusedAs, sentTo, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'

withOwnGateway()

describe('a request', () => {
  it('is withdrawn by who asked, also after the signing was fetched anew, and ends so for everybody', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const { signingId } = await alice.requestSignature(key, 'never mind')
    const [pending] = await bob.pendingSignings(key)
    await (await alice.signing(key, signingId)).withdraw()
    await expect(pending!.completed()).rejects.toMatchObject({ code: 'signing.withdrawn', by: 'gateway' })
    expect(await bob.pendingSignings(key)).toEqual([])
    const another = await alice.requestSignature(key, 'nor this')
    await another.withdraw()
    await expect(another.completed()).rejects.toMatchObject({ code: 'signing.withdrawn' })
  })

  it('is withdrawn by nobody else', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const { signingId } = await alice.requestSignature(key, 'mine')
    const [pending] = await bob.pendingSignings(key)
    for (const signing of [pending!, await bob.signing(key, signingId)])
      await expect(signing.withdraw()).rejects.toMatchObject(refusedAs('participant.unknown'))
    expect(sentTo('withdrawSigning')).toHaveLength(0)
  })

  it('that is signed is not withdrawn, and the asker hears so', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'too late')
    await bob.approve(signing)
    await expect(signing.withdraw()).rejects.toMatchObject(refusedAs('session.conflict'))
    await signing.completed()
  })
})

describe('the list of what waits', () => {
  it('is read page by page, each signing once, the first that was asked in front', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const asked: string[] = []
    for (const text of ['a', 'b', 'c', 'd', 'e']) asked.push((await alice.requestSignature(key, text)).signingId)
    const pending = await bob.pendingSignings(key)
    expect(pending.map(({ signingId }) => signingId).sort()).toEqual(asked.toSorted())
    const times = pending.map(({ request }) => request.body.askedAt)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(sentTo('listSignings')).toHaveLength(3)
  })

  it('that goes in a circle is refused', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    await alice.requestSignature(key, 'round and round')
    gateway.lies.listSignings = (honest: object) => ({ ...honest, next: '7'.repeat(32) })
    await expect(bob.pendingSignings(key)).rejects.toMatchObject(refusedAs('reply.mismatch'))
    expect(sentTo('listSignings')).toHaveLength(2)
  })
})
