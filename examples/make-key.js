// node make-key.js nostr-event | raw     A key of alice, bob and carol, of whom two sign.
//
// To try the other examples, all three stand in this one program. Real people each run `quorate keygen` or `quorate participate`.
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportKey } from '@quorate/client'
import { folder, openGateway } from './person.js'

const [, , content = 'nostr-event'] = process.argv
if (content !== 'nostr-event' && content !== 'raw') throw new Error('say nostr-event or raw')

const quorate = await openGateway()
const people = ['alice', 'bob', 'carol'].map((name) => ({ name, seed: randomBytes(32) }))
const [alice, ...friends] = people.map(({ name, seed }) => quorate.participant(name, { seed }))
if (!alice) throw new Error('nobody is there')

const keygen = await alice.reserveKey({
  scheme: 'frost-secp256k1-tr',
  threshold: 2,
  participants: people.map(({ name }) => name),
  content: [content],
})
for (const friend of friends) await friend.participate(keygen.invitation(friend.userId))
const key = await keygen.completed()

// A seed approves, and a key's session secret reads: both are secret.
const secretly = { mode: 0o600, flag: 'wx' }
for (const { name, seed } of people) {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, 'seed'), seed.toString('hex'), secretly)
  await writeFile(join(folder, name, 'key.json'), exportKey(key), secretly)
}
console.log(`key ${key.keyId} in ${folder}`)
