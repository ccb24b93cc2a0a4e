import { setTimeout as sleep } from 'node:timers/promises'
import type { Key } from '@quorate/client'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'
import { generateSecretKey, getPublicKey, nip44, verifyEvent } from 'nostr-tools'
import { BunkerSigner, parseBunkerInput } from 'nostr-tools/nip46'
import { SimplePool } from 'nostr-tools/pool'
import type { Fleet } from '../../fleet/fleet.ts'
import type { Stage } from '../stage.ts'
import { hostOf, type People } from './make-key.ts'

type Program = Readonly<{ signer: BunkerSigner; close: () => void }>

/** nostr-tools, as it comes from npm, with a key of its own and a `bunker://` URI. */
async function openProgram(uri: string): Promise<Program> {
  const pointer = await parseBunkerInput(uri)
  if (pointer === null) throw new Error('nostr-tools does not read the URI')
  const pool = new SimplePool()
  const signer = BunkerSigner.fromBunker(generateSecretKey(), pointer, { pool })
  await signer.connect()
  return { signer, close: () => pool.destroy() }
}

async function publish({ signer }: Program, { groupKey }: Key, content: string): Promise<boolean> {
  const event = await signer.signEvent({ kind: 1, content, tags: [], created_at: Math.floor(Date.now() / 1_000) })
  return verifyEvent(event) && event.pubkey === groupKey && event.content === content
}

/** Somebody else, with a whole key, writes to the user: the program reads it through the bunker. */
async function readMessage({ signer }: Program, { groupKey }: Key): Promise<boolean> {
  const secretKey = generateSecretKey()
  const sealed = nip44.encrypt('for your eyes only', nip44.getConversationKey(secretKey, groupKey))
  return (await signer.nip44Decrypt(getPublicKey(secretKey), sealed)) === 'for your eyes only'
}

function shoot(stage: Stage, fleet: Fleet, lost: string): void {
  fleet.kill(lost, 'SIGKILL')
  stage.enclave(lost, { mark: 'dead', note: 'kill -9' })
  stage.bad(`kill -9 ${lost}, which holds bob's share`)
}

async function back(stage: Stage, fleet: Fleet, lost: string): Promise<void> {
  await stage.timed(`${lost} is started again`, async () => {
    while (fleet.pidOf(lost) === undefined) await sleep(20)
    await fleet.ready()
  })
  stage.enclave(lost, { mark: 'attested', note: "bob's share" })
}

/** A program signs with the key over a relay (NIP-46): alice, bob and carol let it, and the gateway only carries what it cannot read. */
export async function signByBunker(stage: Stage, fleet: Fleet, key: Key, people: People): Promise<boolean> {
  const relay = await startRelay()
  let program: Program | null = null
  try {
    const uri = await stage.timed(
      'the enclaves draw the key of a signer; alice offers, bob and carol second',
      async () => {
        const [alice, bob, carol] = await Promise.all([
          people.alice.createBunker(key, { relays: [relay.url] }),
          people.bob.createBunker(key, { relays: [relay.url] }),
          people.carol.createBunker(key, { relays: [relay.url] }),
        ])
        const offer = await alice.offer({ preset: 'notes', methods: ['nip44_decrypt'], otherwise: 'refuse' })
        for (const other of [bob, carol]) await other.second(offer.grant)
        return offer.uri
      },
    )
    stage.say(`${uri.slice(0, 72)}…`)
    const app = await stage.timed('nostr-tools connects with it', () => openProgram(uri))
    program = app
    const since = performance.now()
    const first = await stage.timed('nostr-tools has a note signed, and verifies it', () => publish(app, key, 'gm'))
    stage.keep('a note by nostr-tools through the bunker', performance.now() - since)
    const read = await stage.timed('and reads a message of a stranger (NIP-44)', () => readMessage(app, key))
    const lost = hostOf(key, 'bob')
    shoot(stage, fleet, lost)
    const second = await stage.timed('nostr-tools has another note signed, and verifies it', () =>
      publish(app, key, 'still here'),
    )
    await back(stage, fleet, lost)
    const sound = first && read && second
    if (sound) stage.good('both notes are by the key, and the gateway has seen neither')
    else stage.bad('something that came through the bunker is not right')
    return sound
  } finally {
    program?.close()
    await relay.close()
  }
}
