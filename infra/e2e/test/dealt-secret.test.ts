import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate, type Participant } from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { nip19 } from 'nostr-tools'
import { generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foundInMemory } from './support/process-memory.ts'

const long = 120_000
const state = join(mkdtempSync(join(tmpdir(), 'quorate-dealt-')), 'state')
const secret = generateSecretKey()
const publicKey = getPublicKey(secret)
let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ port: 0, state })
}, long)
afterAll(async () => {
  await fleet.stop()
  rmSync(join(state, '..'), { recursive: true })
}, long)

/** The secret in each form in which it could leak; and what every gateway knows of the key, to show that the search finds what is there. */
const forms = () =>
  new Map([
    ['bytes', secret.slice()],
    ['hex', Buffer.from(toHex(secret))],
    ['base64url', Buffer.from(toBase64url(secret))],
    ['nsec', Buffer.from(nip19.nsecEncode(secret))],
    ['public key', Buffer.from(publicKey)],
  ])

const person = (name: string): Participant => {
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
  return quorate.participant(name, { seed: crypto.getRandomValues(new Uint8Array(32)) })
}

describe('the secret of a key that was dealt', { timeout: long }, () => {
  it('signs, and was in no process but that of its owner, and in no file', async () => {
    const [alice, bob, carol] = [person('alice'), person('bob'), person('carol')]
    const frame = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob', 'carol'] } as const
    const keygen = await alice.dealKey({ ...frame, content: ['nostr-event'], secretKey: secret.slice(), publicKey })
    for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId), { dealtBy: 'alice' })
    const key = await keygen.completed()
    const event = { created_at: 1_700_000_000, kind: 1, tags: [], content: 'gm' }
    const signing = await alice.requestSignature(key, { type: 'nostr-event', event })
    await bob.approve(await bob.signing(key, signing.signingId))
    const [signed] = (await signing.completed()).events
    expect(verifyEvent(signed as never)).toBe(true)
    expect(signed!.pubkey).toBe(publicKey)

    const processes = fleet.names.filter((name) => !name.startsWith('vsock-'))
    expect(processes).toContain('gateway')
    for (const name of processes) {
      const found = foundInMemory(fleet.pidOf(name)!, forms())
      expect(
        [...found].filter((form) => form !== 'public key'),
        name,
      ).toEqual([])
      if (name === 'gateway') expect(found).toContain('public key')
    }

    const files = readdirSync(state, { recursive: true, encoding: 'utf8' }).map((file) => join(state, file))
    const contents = files.filter((file) => statSync(file).isFile()).map((file) => [file, readFileSync(file)] as const)
    expect(contents.map(([file]) => file)).toContain(fleet.database)
    for (const [form, bytes] of forms())
      if (form !== 'public key')
        for (const [file, content] of contents) expect(content.includes(bytes), `${form} in ${file}`).toBe(false)
  })
})
