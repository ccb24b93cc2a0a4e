import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import {
  conversationKey,
  exportKey,
  ItemsRefused,
  Quorate,
  sharedPoint,
  signatureProof,
  verifyProof,
  type Key,
} from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { authSeed } from '@quorate/shared/crypto/session-items'
import { createSigner } from '@quorate/shared/crypto/sign'
import { fromHex } from '@quorate/shared/wire/bytes'
import { generateSecretKey, getPublicKey, nip44 } from 'nostr-tools'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askFor, badItems, sound, type ItemMaker } from '../../../shared/party/test/bad-items.js'
import { bytesItem } from '../../../shared/party/test/people.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const folder = mkdtempSync(join(tmpdir(), 'quorate-items-'))
const seed = randomBytes(32)
const participants = ['alice', 'bob', 'carol']
let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ port: 0, state: join(folder, 'state'), rateLimit: 1_000_000 })
}, 120_000)

afterAll(async () => {
  await fleet.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Alice's request for what the SDK would not ask for. */
async function post(key: Key, makers: readonly ItemMaker[]): Promise<string> {
  const { sessionSecret } = JSON.parse(exportKey(key)) as { sessionSecret: string }
  const plan = {
    skeleton: key.certificate.body.roster.skeleton,
    clock: { now: Date.now() },
    sessionSecret: fromHex(sessionSecret),
    signers: new Map([[1, await createSigner(authSeed(seed, key.keyId))]]),
  }
  const { request, sealedItems } = await askFor(plan, key, 1, makers, Date.now() + 60_000)
  const body = JSON.stringify({ request, sealedItems })
  const headers = { 'content-type': 'application/json' }
  const { status } = await fetch(`${fleet.url}/api/v1/signing`, { method: 'POST', headers, body })
  expect(status).toBeLessThan(300)
  return request.body.signingId
}

it('completes a signing with an item that the key does not permit, signs the others, and says so for ever', async () => {
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
  const alice = quorate.participant('alice', { seed })
  const [bob, carol] = ['bob', 'carol'].map((name) => quorate.participant(name, { seed: randomBytes(32) }))
  const keygen = await alice.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants })
  for (const friend of [bob!, carol!]) await friend.participate(keygen.invitation(friend.userId))
  const key = await keygen.completed()

  const notPermitted = badItems.find(([, code]) => code === 'content.not_permitted')![2]
  const id = await post(key, [sound(bytesItem('one')), notPermitted, sound(bytesItem('three'))])
  await bob!.approve(await bob!.signing(key, id))
  const result = await (await alice.signing(key, id)).completed({ timeout: 30_000 })
  const [one, two, three] = result.items
  expect(two).toMatchObject({ refused: 'content.not_permitted', culprits: [] })
  for (const [item, text] of [
    [one, 'one'],
    [three, 'three'],
  ] as const)
    expect(
      item?.refused === null &&
        item.signature !== null &&
        schnorr.verify(item.signature, hashOfBytes(text), fromHex(key.groupKey)),
    ).toBe(true)
  expect(() => result.signatures).toThrow(ItemsRefused)
  await expect(verifyProof(key, signatureProof(result))).rejects.toMatchObject({
    code: 'content.not_permitted',
    by: 'hosts',
    refused: [{ at: 1 }],
  })
}, 120_000)

it('gives the conversation key of NIP-44 to who asks with approval, so that nostr-tools reads what is encrypted', async () => {
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
  const alice = quorate.participant('alice', { seed })
  const bob = quorate.participant('bob', { seed: randomBytes(32) })
  const keygen = await alice.reserveKey({
    scheme: 'frost-secp256k1-tr',
    threshold: 2,
    participants: ['alice', 'bob'],
    content: ['ecdh'],
  })
  await bob.participate(keygen.invitation('bob'))
  const key = await keygen.completed()

  const peerSecret = generateSecretKey()
  const peer = `02${getPublicKey(peerSecret)}`
  const asked = await alice.requestSignature(key, { type: 'ecdh', peer, direction: 'encrypt' })
  await bob.approve(await bob.signing(key, asked.signingId))
  const { items } = await asked.completed({ timeout: 30_000 })
  const ours = conversationKey(sharedPoint(items[0]!))
  const theirs = nip44.v2.utils.getConversationKey(peerSecret, key.groupKey)
  expect(nip44.v2.decrypt(nip44.v2.encrypt('gm', ours), theirs)).toBe('gm')
}, 120_000)
