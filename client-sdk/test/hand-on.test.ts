import { generateSecretKey, getPublicKey } from 'nostr-tools'
import { expect, it } from 'vitest'
import { handOn } from '@quorate/client/bunker'
import { loadMpc } from '@quorate/shared/mpc'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { readHandOn } from '@quorate/shared/nostr/hand-on'
import { readBunkerUri } from '@quorate/shared/nostr/uris'

const key = () => NostrKey.parse(getPublicKey(generateSecretKey()))

it('a program hands on by a bunker URI for the other program alone, which its own key has signed', async () => {
  const [secretKey, signer, client] = [generateSecretKey(), key(), key()]
  const relays = ['wss://relay.example']
  const uri = await handOn({ signer, relays, secretKey }, client, { preset: 'notes', longest: 9, expiresIn: 60_000 })
  const read = readBunkerUri(uri)
  expect([read.signer, read.relays]).toEqual([signer, relays])
  const mpc = await loadMpc()
  const found = readHandOn(mpc, read.secret!, { signer, client })
  expect(found).toMatchObject({ by: getPublicKey(secretKey), handed: { longest: 9, peers: null } })
  expect(readHandOn(mpc, read.secret!, { signer, client: key() })).toBeNull()
})
