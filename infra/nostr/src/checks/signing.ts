import { schnorr } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { verifyEvent, type Event, type EventTemplate } from 'nostr-tools'
import { expect, it } from 'vitest'
import type { Driver } from '../clients/client.ts'
import type { Lab } from './lab.ts'

export const note = (content: string, tags: string[][] = []): EventTemplate => ({
  kind: 1,
  content,
  tags,
  created_at: Math.floor(Date.now() / 1_000),
})

/** By NIP-01 as it is written, with @noble alone. */
function verifyByHand({ id, pubkey, created_at, kind, tags, content, sig }: Event): boolean {
  const digest = sha256(utf8ToBytes(JSON.stringify([0, pubkey, created_at, kind, tags, content])))
  return bytesToHex(digest) === id && schnorr.verify(hexToBytes(sig), digest, hexToBytes(pubkey))
}

/** The event says what was asked for, and both referees take its signature. */
export function expectSigned(event: Event, template: EventTemplate, user: string): void {
  const plain = JSON.parse(JSON.stringify(event)) as Event
  expect(plain).toMatchObject({ ...template, pubkey: user })
  expect(verifyEvent(plain)).toBe(true)
  expect(verifyByHand(plain)).toBe(true)
}

export function checkSigning(lab: () => Lab, driver: Driver): void {
  it('has a note signed', async () => {
    const { client } = await lab().connect(driver)
    const template = note('gm')
    expectSigned(await client.signEvent(template), template, lab().signer.user)
  })

  it('has an event signed with its tags, its line ends and its signs as they are', async () => {
    const { client } = await lab().connect(driver)
    const tags = [
      ['t', 'frost'],
      ['p', lab().signer.user, 'wss://relay.example/'],
      ['emoji', '🧊', ''],
    ]
    const template = note('"two"\n\tlines \\ ❄ \u2028 \u007f', tags)
    expectSigned(await client.signEvent(template), template, lab().signer.user)
  })

  it('has many events signed at once, each its own', async () => {
    const { client } = await lab().connect(driver)
    const templates = Array.from({ length: 8 }, (_, n) => note(`note ${n}`))
    const events = await Promise.all(templates.map((template) => client.signEvent(template)))
    for (const [n, event] of events.entries()) expectSigned(event, templates[n]!, lab().signer.user)
  })
}
