import { describe, expect, it } from 'vitest'
import { cameWith, grantsOf, offerOf } from '../../src/bunker/clients.ts'
import { isFreshEvent, newestArrival, oldestArrival } from '../../src/nostr/arrival.ts'
import { attestationEvent, handlerEvent, readAttestation } from '../../src/bunker/announcements.ts'
import { contentFor, peerOf, wishOf } from '../../src/bunker/wish.ts'
import {
  ann,
  bob,
  bunkerOf,
  cipher,
  connect,
  grantOf,
  idOf,
  now,
  offering,
  plain,
  signEvent,
  today,
} from './clients.ts'

const offered = grantOf('notes', offering())

describe('a client', () => {
  it('holds what is for its key, and the offer that it was first with, until it logs out', () => {
    const named = grantOf('messages', { id: idOf(2) })
    const grants = [offered, named]
    expect(grantsOf(bunkerOf(grants), ann)).toEqual([named])
    expect(grantsOf(bunkerOf(grants, [[idOf(1), { client: ann, ended: false, handOn: null }]]), ann)).toEqual(grants)
    expect(grantsOf(bunkerOf(grants, [[idOf(1), { client: bob, ended: false, handOn: null }]]), ann)).toEqual([named])
    expect(grantsOf(bunkerOf(grants, [[idOf(2), { client: ann, ended: true, handOn: null }]]), ann)).toEqual([])
  })

  it('is the only one that a secret is good for', () => {
    expect(offerOf(bunkerOf([offered]), 's3cret')).toBe(offered)
    expect(offerOf(bunkerOf([offered]), 'guess')).toBeNull()
    const bound = bunkerOf([offered], [[idOf(1), { client: ann, ended: false, handOn: null }]])
    expect(offerOf(bound, 's3cret')).toBeNull()
    expect(cameWith(bound, ann, 's3cret')).toBe(true)
    for (const [client, secret] of [
      [bob, 's3cret'],
      [ann, 'guess'],
    ] as const)
      expect(cameWith(bound, client, secret)).toBe(false)
  })
})

it('an event is fresh for ten minutes, and by a clock that is a minute ahead', () => {
  expect(isFreshEvent(today - oldestArrival, now)).toBe(true)
  expect(isFreshEvent(today - oldestArrival - 1, now)).toBe(false)
  expect(isFreshEvent(today + newestArrival, now)).toBe(true)
  expect(isFreshEvent(today + newestArrival + 1, now)).toBe(false)
})

it('a request says what shares have to do, and with whom', () => {
  expect(contentFor(signEvent(7))).toMatchObject({ type: 'nostr-event', event: { kind: 7 } })
  expect(contentFor(cipher('nip04_encrypt'))).toEqual({ type: 'ecdh', peer: `02${bob}`, direction: 'encrypt' })
  expect(contentFor(cipher('nip44_decrypt'))).toEqual({ type: 'ecdh', peer: `02${bob}`, direction: 'decrypt' })
  for (const request of [plain('ping'), plain('logout'), connect(null)]) expect(contentFor(request)).toBeNull()
  expect([peerOf(cipher('nip44_decrypt')), peerOf(signEvent(1)), peerOf(plain('ping'))]).toEqual([bob, null, null])
  expect([wishOf(signEvent(7)), wishOf(plain('ping'))]).toEqual(['sign_event:7', 'ping'])
})

it('a signer says where it is reached, as NIP-89 has it, and nothing but an attestation reads as one', () => {
  const handler = handlerEvent(['wss://relay.example'], today)
  expect(handler).toMatchObject({ kind: 31_990, created_at: today })
  expect(handler.tags).toEqual([
    ['d', 'bunker'],
    ['k', '24133'],
    ['relay', 'wss://relay.example'],
  ])
  expect(readAttestation(handler)).toBeNull()
  const empty = attestationEvent({ attested: { identity: { signKey: 'a' } } } as never, today)
  expect(empty.tags).toEqual([['d', 'quorate/bunker/attestation/v1/a']])
  for (const event of [empty, { ...empty, content: '{' }]) expect(readAttestation(event)).toBeNull()
})
