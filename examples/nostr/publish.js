// node nostr/publish.js wss://relay.example "text"     Alice publishes a note of an account that three people hold.
//
// It waits until a second of them has approved: by `quorate approve`, by the page, or by the approval service beside this.
import { nostrSigner, publicNames } from '@quorate/client'
import { verifyEvent } from 'nostr-tools/pure'
import { Relay, useWebSocketImplementation } from 'nostr-tools/relay'
import { WebSocket } from 'ws'
import { openPerson } from '../person.js'

const [, , url, content] = process.argv
if (url === undefined || content === undefined) throw new Error('say which relay, and what')
useWebSocketImplementation(WebSocket) // Node 20 has none of its own

const { participant: alice, key } = await openPerson('alice')
const signer = nostrSigner(alice, key, { timeout: 600_000 })
const event = await signer.signEvent({ kind: 1, created_at: Math.floor(Date.now() / 1_000), tags: [], content })
if (!verifyEvent(event)) throw new Error('nostr-tools does not verify it') // the SDK did already

const relay = await Relay.connect(url)
await relay.publish(event)
relay.close()
console.log(`${(await publicNames(key)).npub} published ${event.id}`)
