import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import { nip19 } from 'nostr-tools'
import { finalizeEvent, generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { SchemeName } from '@quorate/shared/schemes/table'
import { decodeInvitation, encodeInvitation, exportKey, importKey, readNsec, type Keygen } from '../src/index.ts'
import { createContext } from '../src/context.ts'
import { reserve } from '../src/keygen/reserve.ts'
import { createFleet } from './fleet.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { makeKey, people, type People } from './people.ts'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'

withOwnGateway()

const participants = ['alice', 'bob', 'carol']
const frame = { scheme: 'frost-secp256k1-tr', threshold: 2, participants } as const
const isWiped = (secret: Uint8Array) => secret.every((byte) => byte === 0)

async function joined({ bob, carol }: People, keygen: Keygen) {
  for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId), { dealtBy: 'alice' })
  return keygen.completed()
}

describe('a key that alice has whole', () => {
  it('signs Nostr events under its own public key once it is dealt, also after a refresh', async () => {
    const nsec = nip19.nsecEncode(generateSecretKey())
    const publicKey = getPublicKey(readNsec(nsec))
    const before = finalizeEvent({ created_at: 1, kind: 1, tags: [], content: 'before' }, readNsec(nsec))
    const all = people(fleet, gateway)
    const { alice, bob } = all
    const wish = { ...frame, content: ['nostr-event'], secretKey: readNsec(nsec), publicKey } as const
    const key = await joined(all, await alice.dealKey(wish))
    for (const present of [() => key, () => alice.refreshKey(key)]) {
      const one = await present()
      const event = { created_at: 1_700_000_000, kind: 1, tags: [], content: `epoch ${one.certificate.body.epoch}` }
      const signing = await alice.requestSignature(one, { type: 'nostr-event', event })
      await bob.approve(await bob.signing(one, signing.signingId))
      const [signed] = (await signing.completed()).events
      expect(verifyEvent(signed as never)).toBe(true)
      expect(signed!.pubkey).toBe(before.pubkey)
    }
  })

  it.each<[SchemeName, (secret: Uint8Array) => Uint8Array, typeof ed25519.verify]>([
    ['frost-ed25519', ed25519.getPublicKey, ed25519.verify],
    ['frost-secp256k1-tr', schnorr.getPublicKey, schnorr.verify],
  ])('signs bytes under the key of %s that it was', async (scheme, publicKeyOf, verify) => {
    for (let round = 0; round < 3; round += 1) {
      const secretKey = generateSecretKey()
      const publicKey = publicKeyOf(secretKey)
      const all = people(fleet, gateway)
      const key = await joined(all, await all.alice.dealKey({ ...frame, scheme, secretKey }))
      expect(key.groupKey).toBe(toHex(publicKey))
      const signing = await all.alice.requestSignature(key, 'hello')
      await all.bob.approve(signing)
      const [signature] = (await signing.completed()).signatures
      expect(verify(signature!, hashOfBytes('hello'), publicKey)).toBe(true)
    }
  })

  it('is shown to everybody as dealt, and by whom', async () => {
    const all = people(fleet, gateway)
    const keygen = await all.alice.dealKey({ ...frame, secretKey: generateSecretKey() })
    expect(keygen.dealtBy).toBe('alice')
    const invitation = decodeInvitation(encodeInvitation(keygen.invitation('bob')))
    expect(invitation.dealtBy).toBe('alice')
    expect((await all.bob.participate(invitation, { dealtBy: 'alice' })).dealtBy).toBe('alice')
    const key = await joined(all, keygen)
    expect(key.dealtBy).toBe('alice')
    expect(key.certificate.body.roster.skeleton.dealt).toMatchObject({ by: 'alice', groupKey: key.groupKey })
    expect((await importKey(exportKey(key))).dealtBy).toBe('alice')
    expect((await makeKey(fleet, gateway)).key.dealtBy).toBeNull()
  })

  it('has no participants but those who let its dealer have known it', async () => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.dealKey({ ...frame, secretKey: generateSecretKey() })
    const invitation = keygen.invitation('bob')
    const dealt = { code: 'keygen.dealt', by: 'client' }
    const other = { code: 'keygen.skeleton_mismatch', by: 'client' }
    const asked = () => gateway.asked.filter(({ route }) => route === 'register').length
    const before = asked()
    await expect(bob.participate(invitation)).rejects.toMatchObject(dealt)
    await expect(bob.participate(invitation, { dealtBy: 'carol' })).rejects.toMatchObject(other)
    for (const dealtBy of ['carol', undefined])
      await expect(bob.participate({ ...invitation, dealtBy }, { dealtBy: 'alice' })).rejects.toMatchObject(other)
    const drawn = await alice.reserveKey(frame)
    await expect(bob.participate(drawn.invitation('bob'), { dealtBy: 'alice' })).rejects.toMatchObject(other)
    expect(asked()).toBe(before + 1)
  })

  it('is refused when it is none, or another than that of the public key, before anything is sent', async () => {
    const { alice } = people(fleet, gateway)
    const refused = { code: 'secret.invalid', by: 'client' }
    const order = fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
    for (const secretKey of [new Uint8Array(32), order, new Uint8Array(31).fill(1), new Uint8Array(33).fill(1)])
      await expect(alice.dealKey({ ...frame, secretKey })).rejects.toMatchObject(refused)
    const publicKey = getPublicKey(generateSecretKey())
    await expect(alice.dealKey({ ...frame, secretKey: generateSecretKey(), publicKey })).rejects.toMatchObject(refused)
    await expect(
      alice.dealKey({ ...frame, scheme: 'frost-ed25519', secretKey: new Uint8Array(31) }),
    ).rejects.toMatchObject(refused)
    expect(gateway.asked).toEqual([])
  })

  it('is wiped from the memory of its owner, whatever becomes of it', async () => {
    const { alice } = people(fleet, gateway)
    const secretKey = generateSecretKey()
    await alice.dealKey({ ...frame, secretKey })
    expect(isWiped(secretKey)).toBe(true)
    const refusedLate = generateSecretKey()
    gateway.faults.push(() => ({ problem: 'session.conflict' }))
    await expect(alice.dealKey({ ...frame, secretKey: refusedLate })).rejects.toMatchObject({
      code: 'session.conflict',
    })
    expect(isWiped(refusedLate)).toBe(true)
    const misused = generateSecretKey()
    await expect(alice.dealKey({ ...frame, threshold: 9, secretKey: misused })).rejects.toMatchObject({
      code: 'request.invalid',
    })
    expect(isWiped(misused)).toBe(true)
  })

  it('leaves no share of it in memory, whether it was sent or not', async () => {
    const made: Uint8Array[] = []
    const context = createContext({ gateway: gateway.url, trust: fleet.trust })
    const mpc = await context.mpc()
    const watched: typeof mpc = {
      ...mpc,
      frost: (scheme) => ({
        ...mpc.frost(scheme),
        dealerSplit: (of) => {
          const split = mpc.frost(scheme).dealerSplit(of)
          made.push(...split.shares.values())
          return split
        },
      }),
    }
    const watching = { ...context, mpc: () => Promise.resolve(watched) }
    const deal = () => reserve(watching, frame, { secretKey: generateSecretKey(), by: 'alice' })
    await deal()
    expect(made.length).toBe(3)
    gateway.faults.push(() => ({ problem: 'session.conflict' }))
    await expect(deal()).rejects.toMatchObject({ code: 'session.conflict' })
    const other = { secretKey: generateSecretKey(), publicKey: '00'.repeat(32), by: 'alice' }
    await expect(reserve(watching, frame, other)).rejects.toMatchObject({ code: 'secret.invalid' })
    expect(made.length).toBe(9)
    expect(made.every(isWiped)).toBe(true)
  })

  it('leaves no share with an enclave that does not prove itself', async () => {
    const { trust } = await createFleet(1)
    const { alice } = people({ ...fleet, trust }, gateway)
    const dealing = alice.dealKey({ ...frame, secretKey: generateSecretKey() })
    await expect(dealing).rejects.toMatchObject({ code: 'attestation.invalid' })
    expect(gateway.asked.map(({ route }) => route)).not.toContain('initKeygen')
  })
})
