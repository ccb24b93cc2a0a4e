import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateSecretKey, getPublicKey, nip44 } from 'nostr-tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { everything, FleetSigner } from '@quorate/local/bunker/fleet-signer'
import { expectSigned, note } from '@quorate/nostr-lab/checks/signing'
import type { Client } from '@quorate/nostr-lab/clients/client'
import { nostrTools } from '@quorate/nostr-lab/clients/nostr-tools'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'
import { refusals } from '@quorate/shared/errors'
import type { Bunker } from '@quorate/client'
import { pollUntil } from '../../../shared/test/poll.js'

/*
 * The host that drew a signer's key is lost, and later all hosts restart at once. One program of nostr-tools goes through it over a relay. It
 * connects once, before. The steps build on each other.
 */
const long = 240_000

let relay: Awaited<ReturnType<typeof startRelay>>
let signer: FleetSigner
let carol: Bunker
let program: Client
/** The enclave that drew the signer's key. */
let creator: string

beforeAll(async () => {
  relay = await startRelay()
  signer = await FleetSigner.open(relay.url)
  const { alice, bob } = signer.bunkers
  carol = await signer.participant('carol').createBunker(signer.key, { relays: [relay.url] })
  const { uri, grant } = await alice.offer(everything)
  for (const other of [bob, carol]) await other.second(grant)
  program = await nostrTools.open(generateSecretKey())
  await program.connect(uri)
  const { fleet } = signer
  const [one, ...more] = fleet.enclaveIds.filter((id) => logOf(id).includes('"bunker.created"'))
  if (one === undefined || more.length > 0) throw new Error('one enclave draws a key')
  creator = one
}, long)
afterAll(async () => {
  await program.close()
  await signer.close()
  await relay.close()
}, long)

const logOf = (enclaveId: string) => readFileSync(join(signer.fleet.state, 'logs', `${enclaveId}.log`), 'utf8')

async function signs(text: string): Promise<void> {
  const template = note(text)
  expectSigned(await program.signEvent(template), template, signer.user)
}

/** A message of somebody of whom no host has heard. */
async function reads(text: string): Promise<void> {
  const secretKey = generateSecretKey()
  const message = nip44.encrypt(text, nip44.getConversationKey(secretKey, signer.user))
  expect(await program.nip44Decrypt(getPublicKey(secretKey), message)).toBe(text)
}

async function restartAll(): Promise<void> {
  const { fleet } = signer
  const pids = fleet.enclaveIds.map((id) => fleet.pidOf(id))
  fleet.restore(creator)
  for (const id of fleet.enclaveIds) if (id !== creator) fleet.kill(id)
  const isBack = (id: string, at: number) => ![undefined, pids[at]].includes(fleet.pidOf(id))
  await pollUntil(() => Promise.resolve(fleet.enclaveIds.every(isBack)))
  await fleet.ready()
}

describe('a program that has connected once', { timeout: long }, () => {
  it('is served on when the host that drew the signer’s key is lost', async () => {
    const { fleet } = signer
    await signs('before')
    fleet.lose(creator)
    for (const text of ['one', 'two', 'three']) await signs(text)
    await program.ping()
    await reads('across the ice')
    expect(fleet.pidOf(creator)).toBeUndefined()
  })

  it('is told why nobody signs when all hosts have restarted at once, and one owner’s word is not enough', async () => {
    const { alice, bob } = signer.bunkers
    await restartAll()
    const all = ['alice', 'bob', 'carol']
    expect(await bob.heard()).toEqual({ by: [], missing: all })
    expect((await alice.renew()).heard).toEqual({ by: all, missing: [] })
    await expect(program.signEvent(note('too early'))).rejects.toThrow(refusals['epoch.unproven'].title)
  })

  it('is served again by the words of n − t + 1 owners, and does not connect again', async () => {
    const { bob } = signer.bunkers
    await bob.renew()
    await signs('after')
    await program.ping()
    await reads('and again')
  })
})
