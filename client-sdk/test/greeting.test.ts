import { generateSecretKey, getPublicKey } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { gateway, refusedAs, withOwnGateway } from './lying-gateway.ts'
import { note, noteText, relays, withBunker } from './with-bunker.ts'

withOwnGateway()

describe('a program that shows a nostrconnect URI', () => {
  it('is answered with its secret at its relays, which the bunker listens at from then on', async () => {
    const { bunker, bob, key } = await withBunker()
    const secretKey = generateSecretKey()
    const uri = `nostrconnect://${getPublicKey(secretKey)}?relay=wss%3A%2F%2Fclient.example&secret=s3cret&name=Coracle`
    const { grant, client, missing } = await bunker.accept(uri, { preset: 'notes' })
    expect([client, missing]).toEqual([getPublicKey(secretKey), 1])
    expect(bunker.relays).toEqual(relays)
    const [given] = await bunker.grants()
    // Others are not sent there.
    expect([given?.grant.name, bunker.relays]).toEqual(['Coracle', relays])
    const listens = () => bunker.connections.map(({ relay }) => relay)
    expect(listens()).toEqual([...relays, 'wss://client.example'])
    const program = gateway.bunkers.startProgram(key.keyId, secretKey)
    // It would ask at once, and be refused.
    expect(program.heard()).toBeNull()
    expect(await (await bob.bunker(key)).second(grant)).toMatchObject({ greeted: [client] })
    expect(program.heard()).toMatchObject({ result: 's3cret' })
    expect(JSON.parse((await program.ask('sign_event', noteText))!.result!)).toMatchObject(note)

    await (await bob.bunker(key)).revoke(grant)
    await bunker.revoke(grant)
    await bunker.grants()
    expect(listens()).toEqual(relays)
  })

  it('is answered when the other owner accepts the same string, or knows the program already, and again with another string', async () => {
    const { bunker, bob, key } = await withBunker()
    const second = await bob.bunker(key)
    const secretKey = generateSecretKey()
    const client = getPublicKey(secretKey)
    const uriOf = (secret: string) => `nostrconnect://${client}?relay=wss%3A%2F%2Fclient.example&secret=${secret}`
    const program = gateway.bunkers.startProgram(key.keyId, secretKey)
    expect(await bunker.accept(uriOf('one'), { preset: 'notes' })).toMatchObject({ missing: 1 })
    expect(await second.accept(uriOf('one'), { kinds: [1] })).toMatchObject({ missing: 0 })
    expect(program.heard()).toMatchObject({ result: 'one' })
    expect(await bunker.accept(uriOf('two'), { preset: 'notes' })).toMatchObject({ missing: 0 })
    expect(program.heard()).toMatchObject({ result: 'two' })

    const other = generateSecretKey()
    await bunker.accept(uriOf('three').replace(client, getPublicKey(other)), { preset: 'notes' })
    const known = gateway.bunkers.startProgram(key.keyId, other)
    expect(known.heard()).toBeNull()
    await second.give({ client: getPublicKey(other) }, { preset: 'notes' })
    expect(known.heard()).toMatchObject({ result: 'three' })
  })

  it('is refused with a URI that is none', async () => {
    const { bunker } = await withBunker()
    await expect(bunker.accept('bunker://x', {})).rejects.toMatchObject(refusedAs('nostr.uri_invalid'))
  })
})
