import type { Event } from 'nostr-tools'
import { verifyEvent } from 'nostr-tools/pure'
import { expect, it } from 'vitest'
import { nostrSigner, type Key, type Participant, type Signing } from '../src/index.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'
import { pollUntil } from '../../shared/test/poll.js'

withOwnGateway()

/** The gateway of these tests does not wait. */
async function nextPending(person: Participant, key: Key): Promise<Signing> {
  let pending: Signing[] = []
  await pollUntil(async () => (pending = await person.pendingSignings(key)).length > 0)
  return pending[0]!
}

it('signs events as libraries ask for them, once as many have approved as the key wants', async () => {
  const { alice, bob, key } = await makeKey(fleet, gateway, { content: ['nostr-event'] })
  const signer = nostrSigner(alice, key)
  expect(await signer.getPublicKey()).toBe(key.groupKey)
  const template = { kind: 1, content: 'gm', tags: [['t', 'coffee']], created_at: 1_700_000_000 }
  const signing = signer.signEvent(template)
  const pending = await nextPending(bob, key)
  await bob.approve(pending)
  // What the SDK gives is nostr-tools' own type.
  const event: Event = await signing
  expect(event).toMatchObject({ ...template, pubkey: key.groupKey })
  expect(verifyEvent(event)).toBe(true)
})

it('says why an event is not signed', async () => {
  const { alice, bob, key } = await makeKey(fleet, gateway, { content: ['nostr-event'] })
  const refused = nostrSigner(alice, key).signEvent({ kind: 1, content: 'gm', tags: [], created_at: 1_700_000_000 })
  const why = expect(refused).rejects.toMatchObject({ code: 'signing.rejected' })
  const pending = await nextPending(bob, key)
  await bob.reject(pending, 'no')
  await why
})
