import { generateSecretKey } from 'nostr-tools'
import { everything } from '@quorate/local/bunker/fleet-signer'
import { expectSigned, note } from '@quorate/nostr-lab/checks/signing'
import { nostrTools } from '@quorate/nostr-lab/clients/nostr-tools'
import { joinKey, reserveKey, type People } from '../../src/people.ts'
import { patience } from './crash-fleet.ts'

/** A stock client that has connected to its bunker once. Nothing here connects it again. */
export type Program = Readonly<{
  /** Has a note signed, and both referees take its signature. */
  signs: (text: string) => Promise<void>
  close: () => Promise<void>
}>

/** A program at the bunker of a new key, over this relay. All three owners let it in, so that each two hosts may sign for it. */
export async function connectProgram(people: People, relay: string): Promise<Program> {
  const { alice, bob, carol } = people
  const wish = { scheme: 'frost-secp256k1-tr', grant: null, content: ['nostr-event'] } as const
  const keygen = await reserveKey(people, wish)
  await joinKey(people, keygen, wish)
  const key = await keygen.completed({ timeout: patience })
  const first = await alice.createBunker(key, { relays: [relay] })
  const { uri, grant } = await first.offer(everything)
  for (const other of [bob, carol]) await (await other.createBunker(key, { relays: [relay] })).second(grant)
  const client = await nostrTools.open(generateSecretKey())
  await client.connect(uri)
  return {
    signs: async (text) => {
      const template = note(text)
      expectSigned(await client.signEvent(template), template, key.groupKey)
    },
    close: client.close,
  }
}
