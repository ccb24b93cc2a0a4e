import { getEventHash, verifyEvent } from 'nostr-tools'
import type { Content } from '@quorate/shared/contents/table'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import { describe, expect, it } from 'vitest'
import { createCluster } from './support/cluster.ts'
import { commitAll, makeKey, sign, type MadeKey } from '../../../shared/party/test/ceremony.js'
import {
  ask,
  draw,
  grantFor,
  initFor,
  openSignatures,
  rawItem,
  registrationFor,
  sealFor,
  type GrantTerms,
} from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'

const cluster = await createCluster()
const soon = () => cluster.clock.now + 60_000

/** Bob's standing word: alice may have these types signed. */
const standing = (...content: Content['type'][]): Map<number, GrantTerms> => {
  const expiresAt = cluster.clock.now + 86_400_000
  return new Map([[2, { askers: ['alice'], content, expiresAt, limit: { count: 9, seconds: 60 } }]])
}

const note = { created_at: 1_700_000_000, kind: 1, tags: [['t', 'x']], content: 'alice never asked for this' }
const eventOf = (key: MadeKey) => ({ ...note, pubkey: key.certificate.body.groupKey })
const idOf = (key: MadeKey): string => getEventHash(eventOf(key))

/** The event with whatever signature the key gives alice for this item, on bob's standing word. */
async function eventSignedBy(key: MadeKey, item: Item) {
  const asked = await ask(key.plan, key, 1, [item], soon())
  const { sealedSignatures } = await sign(key, asked, [], [1, 2])
  const [signature] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
  return { ...eventOf(key), id: idOf(key), sig: toHex(signature!) }
}

const plain = (content: Content): Item => ({ content, mode: { kind: 'plain' } })

describe('the id of a Nostr event', () => {
  it('is signed as bytes by a key and a grant for bytes, and no event is signed by that', async () => {
    const key = await makeKey(cluster, { content: ['bytes'], grants: standing('bytes') })
    const event = await eventSignedBy(key, plain({ type: 'bytes', bytes: idOf(key) }))
    expect(verifyEvent(event)).toBe(false)
  })

  it('is signed as bytes by a key that may sign events too, under a grant for bytes, and no event is signed by that', async () => {
    const key = await makeKey(cluster, { content: ['bytes', 'nostr-event'], grants: standing('bytes') })
    expect(verifyEvent(await eventSignedBy(key, plain({ type: 'bytes', bytes: idOf(key) })))).toBe(false)
    await expectRefusal(eventSignedBy(key, plain({ type: 'nostr-event', event: note })), 'consent.missing', [2])
  })

  it('is a signed event as raw bytes, for which key and grant must name nothing else', async () => {
    const key = await makeKey(cluster, { content: ['raw'], grants: standing('raw') })
    expect(verifyEvent(await eventSignedBy(key, rawItem(fromHex(idOf(key)))))).toBe(true)
  })
})

describe('raw bytes', () => {
  it('are signed by no key whose policy does not name them', async () => {
    const key = await makeKey(cluster, { content: ['bytes', 'nostr-event'], grants: standing('raw') })
    const asked = await ask(key.plan, key, 1, [rawItem(fromHex(idOf(key)))], soon())
    await expectRefusal(commitAll(key, asked, [], [1]), 'content.not_permitted')
    await expectRefusal(commitAll(key, asked, [], [2]), 'content.not_permitted')
  })

  it('stand in no policy and in no grant beside another type: no enclave begins with such a key', async () => {
    const plan = await draw(cluster, { content: ['bytes', 'raw'] })
    const member = plan.hosts.get(1)!
    const begin = (of: typeof plan) =>
      member.call('keygen.init', { skeleton: of.skeleton, sealed: sealFor(member, initFor(of, member)) })
    await expectRefusal(begin(plan), 'message.invalid')
    const sound = await draw(cluster, { hosts: [member] })
    await begin(sound)
    const register = async (...content: Content['type'][]) => {
      const grant = await grantFor(sound, 2, standing(...content).get(2)!)
      const sealed = sealFor(member, await registrationFor(sound, 2, grant))
      return member.call('keygen.register', { keyId: sound.skeleton.keyId, sealed })
    }
    await expectRefusal(register('bytes', 'raw'), 'seal.invalid')
    await register('bytes')
  })
})
