import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from 'node:crypto'
import { verifyEvent } from 'nostr-tools/pure'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { aggregateOf, sortedKeys } from '../../shared/test/bip327.js'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'
import type { Key, Keygen, Participant, ReserveOptions } from '../src/index.ts'
import { certify } from './fleet.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { people } from './people.ts'

withOwnGateway()

const newKey = () => schnorr.utils.randomSecretKey()
const wishOf = (participants: string[]) => ({ scheme: 'musig2', threshold: participants.length, participants }) as const

type Wish = Partial<ReserveOptions> & Readonly<{ ownKeys?: readonly (Uint8Array | undefined)[] }>

/** A key of the first so many of three people, each of whom brings the key that is named, if one is. */
async function joined(count: number, { ownKeys = [], ...more }: Wish = {}) {
  const { alice, bob, carol } = people(fleet, gateway)
  const [first, ...others] = [alice, bob, carol].slice(0, count) as [Participant, ...Participant[]]
  const wish = wishOf([first, ...others].map(({ userId }) => userId))
  const keygen = await first.reserveKey({ ...wish, ...more, ownKey: ownKeys[0] })
  await Promise.all(
    others.map((one, at) => one.participate(keygen.invitation(one.userId), { ownKey: ownKeys[at + 1] })),
  )
  return { first, others, keygen }
}

async function sign(key: Key, first: Participant, others: readonly Participant[]): Promise<Uint8Array> {
  const signing = await first.requestSignature(key, 'hello')
  for (const one of others) await one.approve(await one.signing(key, signing.signingId))
  const { signatures, receipts } = await signing.completed()
  expect(receipts).toHaveLength(key.participants.length)
  return signatures[0]!
}

const listed = ({ certificate }: Key) =>
  certificate.body.roster.registrations.map(({ body }) => fromHex(body.contributed?.publicKey ?? ''))

describe.each([2, 3])('a key to which each of %i people contributes one', (count) => {
  it.each([
    ['draws by the enclaves', () => []],
    ['brings', () => [newKey(), newKey(), newKey()].slice(0, count)],
  ])('%s is BIP-327’s aggregate, and all sign with it', async (_, draw) => {
    const ownKeys = draw()
    const { first, others, keygen } = await joined(count, { ownKeys })
    const key = await keygen.completed()
    const pubkeys = ownKeys.length > 0 ? ownKeys.map((one) => secp256k1.getPublicKey(one, true)) : listed(key)
    expect(key.groupKey).toBe(toHex(aggregateOf(sortedKeys(pubkeys))))
    expect(schnorr.verify(await sign(key, first, others), hashOfBytes('hello'), fromHex(key.groupKey))).toBe(true)
    // What was borrowed is as it was.
    expect(ownKeys.some((one) => one.every((byte) => byte === 0))).toBe(false)
  })

  it('can be aggregated in the order of the people', async () => {
    const ownKeys = [newKey(), newKey(), newKey()].slice(0, count)
    const { keygen } = await joined(count, { ownKeys, keyOrder: 'indices' })
    const pubkeys = ownKeys.map((one) => secp256k1.getPublicKey(one, true))
    expect((await keygen.completed()).groupKey).toBe(toHex(aggregateOf(pubkeys)))
  })
})

describe('a key to which each contributes one', () => {
  it('signs Nostr events', async () => {
    const { first, others, keygen } = await joined(2, { content: ['nostr-event'] })
    const key = await keygen.completed()
    const event = { created_at: 1_700_000_000, kind: 1, tags: [], content: 'of two' }
    const signing = await first.requestSignature(key, { type: 'nostr-event', event })
    for (const one of others) await one.approve(signing)
    expect(verifyEvent((await signing.completed()).events[0] as never)).toBe(true)
  })

  it('is not dealt, and not refreshed', async () => {
    const { first, keygen } = await joined(2)
    const dealt = first.dealKey({ ...wishOf(['alice', 'bob']), secretKey: newKey() })
    await expect(dealt).rejects.toMatchObject({ code: 'request.invalid' })
    const key = await keygen.completed()
    await expect(first.requestRefresh(key)).rejects.toMatchObject({ code: 'refresh.unsupported' })
  })

  it('is refused when its certificate is not of the keys in its receipts', async () => {
    const { keygen } = await joined(2)
    const other = (await (await joined(2)).keygen.completed()).certificate.body
    const lie = ({ groupKey, publicKeys, ...body }: CertificateBody): CertificateBody => {
      expect(groupKey === other.groupKey || publicKeys === other.publicKeys).toBe(false)
      return { ...body, groupKey: other.groupKey, publicKeys: other.publicKeys }
    }
    await expectLie(keygen, lie)
  })

  it('is refused by who brought a key that is not in it', async () => {
    const { keygen } = await joined(2, { ownKeys: [newKey()] })
    const lie = (body: CertificateBody): CertificateBody => {
      const registrations = body.roster.registrations.map((one, at) => {
        const publicKey = toHex(secp256k1.getPublicKey(newKey(), true))
        const { contributed } = one.body
        return at === 0 && contributed
          ? { ...one, body: { ...one.body, contributed: { ...contributed, publicKey } } }
          : one
      })
      return { ...body, roster: { ...body.roster, registrations } }
    }
    await expectLie(keygen, lie, 'keygen.roster_mismatch')
  })
})

/** All hosts have been taken, and certify what is not so. */
async function expectLie(
  keygen: Keygen,
  lie: (body: CertificateBody) => CertificateBody,
  code = 'certificate.invalid',
) {
  gateway.lies.getKeygen = async (status: RouteReply<'getKeygen'>) =>
    status.certificate === null
      ? status
      : { ...status, certificate: await certify(fleet, lie(status.certificate.body)) }
  await expect(keygen.completed()).rejects.toMatchObject({ code })
}

describe('who brings a key', () => {
  it('that is none, or into a key that takes none, is told so before anything is sent', async () => {
    const { alice } = people(fleet, gateway)
    const none = alice.reserveKey({ ...wishOf(['alice', 'bob']), ownKey: new Uint8Array(32) })
    await expect(none).rejects.toMatchObject({ code: 'secret.invalid' })
    const frame = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob'] } as const
    expect(gateway.asked).toEqual([])
    const usual = alice.reserveKey({ ...frame, ownKey: randomBytes(32) })
    await expect(usual).rejects.toMatchObject({ code: 'keygen.contribution_invalid' })
    expect(gateway.asked).toEqual([])
    const ordered = alice.reserveKey({ ...frame, keyOrder: 'indices' })
    await expect(ordered).rejects.toMatchObject({ code: 'request.invalid' })
  })

  it('goes on in a later run with its public key alone', async () => {
    const { alice, bob } = people(fleet, gateway)
    const ownKey = newKey()
    const keygen = await alice.reserveKey(wishOf(['alice', 'bob']))
    const invitation = keygen.invitation('bob')
    const { ownPublicKey } = await bob.participate(invitation, { ownKey })
    expect(ownPublicKey).toBe(toHex(secp256k1.getPublicKey(ownKey, true)))
    const later = await bob.participate(invitation, { ownPublicKey: ownPublicKey! })
    expect((await later.completed()).digest).toBe((await keygen.completed()).digest)
  })
})
