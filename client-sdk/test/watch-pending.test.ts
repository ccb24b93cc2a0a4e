import { describe, expect, it } from 'vitest'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { Signing } from '../src/index.ts'
import { fleet, gateway, sentTo, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'

withOwnGateway()

const idOf = ({ signingId }: Signing): string => signingId
const next = async (watching: AsyncGenerator<Signing>): Promise<string> =>
  idOf((await watching.next()).value as Signing)

describe('watching what waits for the own word', () => {
  it('gives what waits already, and each new one as it comes, once', async () => {
    const { alice, bob, carol, key } = await makeKey(fleet, gateway)
    const before = await Promise.all(['a', 'b', 'c'].map((text) => alice.requestSignature(key, text)))
    const watching = bob.watchPending(key)
    const first = [await next(watching), await next(watching), await next(watching)]
    expect(first.sort()).toEqual(before.map(idOf).sort())
    for (const who of [carol, alice]) {
      const asked = gateway.nextAsked('listSignings', 'after')
      const coming = next(watching)
      await asked
      const { signingId } = await who.requestSignature(key, 'new')
      expect(await coming).toBe(signingId)
    }
    await watching.return()
  })

  it('asks once for each that comes, however many wait: nothing polls', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    await alice.requestSignature(key, 'waits for others')
    const watching = bob.watchPending(key)
    await next(watching)
    for (let count = 0; count < 5; count += 1) {
      const asked = gateway.nextAsked('listSignings', 'after')
      const coming = next(watching)
      await asked
      await alice.requestSignature(key, 'new')
      await coming
    }
    expect(sentTo('listSignings')).toHaveLength(6)
    await watching.return()
  })

  it('leaves out what has the own word, and what cannot be read', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const garbled = await alice.requestSignature(key, 'a')
    await bob.requestSignature(key, 'own')
    const sound = await alice.requestSignature(key, 'b')
    const { sealedItems } = await sound.status()
    gateway.lies.listSignings = ({ signings, ...page }: RouteReply<'listSignings'>) => ({
      ...page,
      signings: signings.map((one) => (one.signingId === garbled.signingId ? { ...one, sealedItems } : one)),
    })
    const watching = bob.watchPending(key)
    expect(await next(watching)).toBe(sound.signingId)
    await watching.return()
  })

  it('goes on where the gateway has forgotten which was the last', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const [gone, kept] = [await alice.requestSignature(key, 'a'), await alice.requestSignature(key, 'b')]
    const watching = bob.watchPending(key)
    const first = [await next(watching), await next(watching)]
    expect(first.sort()).toEqual([gone.signingId, kept.signingId].sort())
    await gone.withdraw()
    await kept.withdraw()
    const [id, signing] = await Promise.all([next(watching), alice.requestSignature(key, 'c')])
    expect(id).toBe(signing.signingId)
    await watching.return()
  })

  it('ends with its signal, by its reason', async () => {
    const { bob, key } = await makeKey(fleet, gateway)
    const stop = new AbortController()
    const asked = gateway.nextAsked('listSignings')
    const coming = bob.watchPending(key, { signal: stop.signal }).next()
    await asked
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(coming).rejects.toBe(reason)
  })

  it('stops asking when nobody listens any more', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    await alice.requestSignature(key, 'a')
    for await (const signing of bob.watchPending(key)) {
      expect(signing.asker).toBe('alice')
      break
    }
    const asked = sentTo('listSignings').length
    await alice.requestSignature(key, 'b')
    await bob.pendingSignings(key)
    expect(sentTo('listSignings')).toHaveLength(asked + 1)
  })

  it('is refused for who holds no share', async () => {
    const { key } = await makeKey(fleet, gateway)
    const { alice: stranger } = await makeKey(fleet, gateway)
    await expect(stranger.watchPending(key).next()).rejects.toMatchObject({ code: 'participant.unknown' })
  })
})
