import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateSecretKey, getPublicKey } from 'nostr-tools'
import { BunkerSigner, createNostrConnectURI, parseBunkerInput } from 'nostr-tools/nip46'
import { projectFolder } from '@quorate/local/fleet/entry'
import { FleetSigner } from '@quorate/local/bunker/fleet-signer'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'
import type { Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRecorder, shortened } from './support/recorder.ts'

/*
 * Every route once, through a gateway, three enclaves and a relay. RECORD=1 keeps what was said as the examples of the description:
 *
 *   RECORD=1 npx vitest run infra/e2e/test/examples.test.ts
 */

const recorder = createRecorder()
let relay: Awaited<ReturnType<typeof startRelay>>
let signer: FleetSigner
beforeAll(async () => {
  relay = await startRelay()
  signer = await FleetSigner.open(relay.url, { fetch: recorder.fetch })
}, 300_000)
afterAll(async () => {
  await signer.close()
  await relay.close()
})

const note = (content: string) => ({ kind: 1, created_at: Math.floor(Date.now() / 1_000), tags: [], content })

const wish = (content: string) =>
  ({ content: { type: 'nostr-event', event: note(content) }, mode: { kind: 'plain' } }) as const

/** GET by hand, with the token that the SDK was given last. */
async function get(path: string): Promise<void> {
  const { token } = recorder.exchanges.get('openSession')?.reply as { token: string }
  const init = { headers: { authorization: `Bearer ${token}` } }
  const response = await recorder.fetch(`${signer.fleet.url}/api/v1${path}`, init)
  expect(response.status, path).toBe(200)
}

/** A program that connects by an offer and has a note signed, once its owners say yes. */
async function haveNoteSigned(): Promise<void> {
  const { alice, bob } = signer.bunkers
  const pointer = await parseBunkerInput(await signer.uri({ preset: 'nothing', otherwise: 'ask' }))
  const program = BunkerSigner.fromBunker(generateSecretKey(), pointer!, { onauth: () => undefined })
  await program.connect()
  const signed = program.signEvent(note('hello'))
  const [waiting] = await alice.waiting({ wait: 60_000 })
  await alice.approve(waiting!)
  await bob.approve(await bob.waitingRequest(waiting!.event))
  await signed
  await program.close()
  await alice.log()
  await alice.verify(signer.fleet.trust)
}

/** A program that shows a string of its own. */
async function acceptProgram(): Promise<void> {
  const secretKey = generateSecretKey()
  const uri = createNostrConnectURI({ clientPubkey: getPublicKey(secretKey), relays: [relay.url], secret: 'a-secret' })
  const connected = BunkerSigner.fromURI(secretKey, uri)
  await signer.accept(uri)
  await (await connected).close()
}

describe('every route', () => {
  it('is taken by somebody, and answers as the table says', { timeout: 300_000 }, async () => {
    const { key } = signer
    const [alice, bob] = [signer.participant('alice'), signer.participant('bob')]
    await haveNoteSigned()
    await acceptProgram()

    const unwanted = await alice.requestSignature(key, wish('no'))
    await unwanted.withdraw()
    const signing = await alice.requestSignature(key, wish('yes'))
    const [pending] = await bob.pendingSignings(key)
    await bob.approve(pending!)
    await signing.completed()
    await alice.requestSignatures([{ key, what: wish('together') }])
    await bob.decideTogether(await bob.pendingSignings(key))
    await alice.refreshKey(key)
    const refresh = recorder.exchanges.get('requestRefresh')?.reply as { refreshId: string }
    await alice.update(key)

    const { keyId } = key
    const events = [`/keygen/${keyId}`, `/signing/${signing.signingId}`, `/keys/${keyId}/refresh/${refresh.refreshId}`]
    for (const path of events) await get(`${path}/events`)
    const nonce = '5e'.repeat(32)
    for (const path of [`/keys/${keyId}`, '/enclaves', `/enclaves/enclave-0/manifest?nonce=${nonce}`, '/manifest'])
      await get(path)

    expect([...recorder.exchanges.keys()].sort()).toEqual(Object.keys(routes).sort())
    const examples = Object.entries<Route>(routes).map(([name, { body, reply }]) => {
      const said = shortened(recorder.exchanges.get(name)) as { body?: unknown; reply: unknown }
      if (body !== null) expect(body.safeParse(said.body).error, name).toBeUndefined()
      expect(reply.safeParse(said.reply).error, name).toBeUndefined()
      return [name, said]
    })
    if (process.env['RECORD'] !== undefined)
      writeFileSync(
        join(projectFolder, 'gateway/src/http/examples.json'),
        JSON.stringify(Object.fromEntries(examples), null, 2) + '\n',
      )
  })
})
