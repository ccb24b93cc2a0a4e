import { createSigner } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import { beforeEach, describe, expect, it } from 'vitest'
import { Quorate, seedSigner, type Key, type KeySigner, type Participant, type Signer } from '../src/index.ts'
import { fleet, gateway, sentTo, wish, withOwnGateway } from './lying-gateway.ts'

withOwnGateway()

async function pairOf(seed: Uint8Array): Promise<KeySigner> {
  const { publicKey, sign } = await createSigner(seed)
  return { publicKey: toHex(publicKey), sign: (message) => sign(message) }
}

/** Somebody whose pairs are made elsewhere, one for each key, and never leave. */
function farAway(): Signer & { asked: string[]; messages: Uint8Array[] } {
  const pairs = new Map<string, Promise<KeySigner>>()
  const asked: string[] = []
  const messages: Uint8Array[] = []
  return {
    asked,
    messages,
    async forKey(keyId) {
      asked.push(keyId)
      const made = pairs.get(keyId) ?? pairOf(crypto.getRandomValues(new Uint8Array(32)))
      pairs.set(keyId, made)
      const { publicKey, sign } = await made
      return { publicKey, sign: (message) => (messages.push(message), sign(message)) }
    },
  }
}

let quorate: Quorate
const person = (name: string, signer: Signer) => quorate.participant(name, { signer })
const seeded = (name: string) => person(name, seedSigner(crypto.getRandomValues(new Uint8Array(32))))

async function makeKey(alice: Participant, bob: Participant, carol = seeded('carol')): Promise<Key> {
  const keygen = await alice.reserveKey(wish)
  for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId))
  return keygen.completed()
}

beforeEach(() => {
  quorate = new Quorate({ gateway: gateway.url, trust: fleet.trust, retry: { attempts: 1, pause: 1 } })
})

describe('a signer', () => {
  it('makes a key, asks, approves, refreshes and withdraws, and is asked for the pair of a key once', async () => {
    const [a, b] = [farAway(), farAway()]
    const [alice, bob] = [person('alice', a), person('bob', b)]
    const key = await makeKey(alice, bob)
    const signing = await alice.requestSignature(key, 'hello')
    await bob.approve((await bob.pendingSignings(key))[0]!)
    expect((await signing.completed()).signatures).toHaveLength(1)
    const { epoch } = (await alice.refreshKey(key)).certificate.body
    expect(epoch).toBe(1)
    await (await alice.requestSignature(await alice.update(key), 'no')).withdraw()
    expect([a.asked, b.asked]).toEqual([[key.keyId], [key.keyId]])
    const lengths = [...a.messages, ...b.messages].map(({ length }) => length)
    expect(new Set(lengths)).toEqual(new Set([32]))
  })

  it('of a seed is what the seed alone is', async () => {
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const key = await makeKey(seeded('alice'), person('bob', seedSigner(seed)))
    const later = new Quorate({ gateway: gateway.url, trust: fleet.trust }).participant('bob', { seed })
    expect(await later.pendingSignings(key)).toEqual([])
    const other = person('bob', farAway())
    await expect(other.pendingSignings(key)).rejects.toMatchObject({ code: 'participant.unknown' })
  })

  it('that signs with another pair is refused before anything is sent', async () => {
    const b = farAway()
    const bob = person('bob', b)
    const key = await makeKey(seeded('alice'), bob)
    const { publicKey } = await b.forKey(key.keyId)
    const liar: Signer = { forKey: async () => ({ publicKey, sign: (await createSigner(new Uint8Array(32))).sign }) }
    const signing = await bob.requestSignature(key, 'hello')
    const sent = sentTo('approveSigning').length
    await expect(person('bob', liar).reject(signing)).rejects.toMatchObject({ code: 'signer.invalid', by: 'client' })
    expect(sentTo('approveSigning')).toHaveLength(sent)
  })

  it.each([
    ['a public key of another length', { publicKey: '00'.repeat(33), sign: () => Promise.resolve(new Uint8Array(64)) }],
    ['a signature of another length', { publicKey: '00'.repeat(32), sign: () => Promise.resolve(new Uint8Array(63)) }],
  ])('that gives %s is refused', async (_, pair) => {
    const alice = person('alice', { forKey: () => Promise.resolve(pair) })
    await expect(alice.reserveKey(wish)).rejects.toMatchObject({ code: 'signer.invalid' })
    expect(sentTo('register')).toEqual([])
  })

  it('that says no is heard, and may say yes the next time', async () => {
    const b = farAway()
    let refused = true
    const no = new Error('the user has said no')
    const bob = person('bob', { forKey: (keyId) => (refused ? Promise.reject(no) : b.forKey(keyId)) })
    const keygen = await seeded('alice').reserveKey({ ...wish, participants: ['alice', 'bob'] })
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toBe(no)
    refused = false
    await bob.participate(keygen.invitation('bob'))
    expect((await keygen.completed()).participants).toEqual(['alice', 'bob'])
  })

  it('needs a seed of 32 bytes where it is made of one', () => {
    const refusal = expect.objectContaining({ code: 'request.invalid', issues: ['seed: 32 bytes'] }) as Error
    expect(() => seedSigner(new Uint8Array(31))).toThrow(refusal)
    expect(() => quorate.participant('alice', { seed: new Uint8Array(33) })).toThrow(refusal)
  })
})
