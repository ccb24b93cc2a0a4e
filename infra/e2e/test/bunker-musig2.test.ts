import { mkdtemp, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools'
import { BunkerSigner, parseBunkerInput } from 'nostr-tools/nip46'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Quorate, type Bunker, type Key } from '@quorate/client'
import { refusals } from '@quorate/shared/errors'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'

/*
 * A bunker on a key to which each of two people contributes one, through a gateway, three enclaves and a relay, with nostr-tools as the program.
 */
const long = 240_000
const participants = ['ann', 'ben']
let state: string
let relay: Awaited<ReturnType<typeof startRelay>>
let fleet: Fleet
let key: Key
let bunkers: [Bunker, Bunker]

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'quorate-bunker-musig2-'))
  relay = await startRelay()
  const gatewayEnv = { QUORATE_RELAYS: 'ws://127.0.0.1:*' }
  fleet = await startFleet({ state, port: 0, rateLimit: 1_000_000, gatewayEnv })
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
  const [ann, ben] = participants.map((name) => quorate.participant(name, { seed: randomBytes(32) }))
  const frame = { scheme: 'musig2', threshold: 2, participants, content: ['nostr-event'] } as const
  const keygen = await ann!.reserveKey(frame)
  await ben!.participate(keygen.invitation('ben'))
  key = await keygen.completed({ timeout: long })
  const options = { relays: [relay.url] }
  bunkers = [await ann!.createBunker(key, options), await ben!.createBunker(key, options)]
}, long)

afterAll(async () => {
  await fleet.stop()
  await relay.close()
  await rm(state, { recursive: true, force: true })
}, long)

const note = (content: string) => ({ kind: 1, created_at: Math.floor(Date.now() / 1_000), tags: [], content })

async function connected(others: number) {
  const [ann, ben] = bunkers
  const { uri, grant } = await ann.offer({ preset: 'everything', otherwise: 'refuse', expiresIn: 3_600_000 })
  if (others > 0) await ben.second(grant)
  const program = BunkerSigner.fromBunker(generateSecretKey(), (await parseBunkerInput(uri))!)
  return program
}

describe('a bunker on a key of MuSig2', { timeout: long }, () => {
  it('signs events when all owners have granted them', async () => {
    const program = await connected(1)
    await program.connect()
    expect(await program.getPublicKey()).toBe(key.groupKey)
    for (const content of ['one', 'two']) {
      const event = await program.signEvent(note(content))
      expect([verifyEvent(event), event.pubkey, event.content]).toEqual([true, key.groupKey, content])
    }
    await program.close()
  })

  it('lets nobody in by the grant of one owner, since all sign', async () => {
    const program = await connected(0)
    await expect(program.connect()).rejects.toBe(refusals['nostr.not_permitted'].title)
    await program.close()
  })

  it('says that it does not encrypt: the shares of such a key have no secret with anybody', async () => {
    const program = await connected(1)
    await program.connect()
    const peer = getPublicKey(generateSecretKey())
    await expect(program.nip44Encrypt(peer, 'hello')).rejects.toBe(refusals['content.not_permitted'].title)
    await expect(program.nip44Decrypt(peer, 'hello')).rejects.toBe(refusals['content.not_permitted'].title)
    await program.close()
  })
})
