import { generateSecretKey, getPublicKey, nip44 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { openLogLine } from '@quorate/shared/crypto/bunker-secrets'
import { sealedEvent } from '@quorate/shared/verify/client-request'
import type { LogEntry, OwnerGrant } from '@quorate/shared/wire/bunker'
import {
  answerOf,
  connectedTo,
  grantAll,
  grantOf,
  keyFor,
  note,
  serve,
  signFor,
  takeAt,
  termsOf,
  type GrantTerms,
  type MadeBunker,
} from './bunker.ts'
import { commitAll, sign } from './ceremony.ts'
import { introduceAll, startHosts } from './host.ts'
import { ask } from './people.ts'
import { expectRefusal } from './refused.ts'

const group = await startHosts()
await introduceAll(group.members)
const connected = (terms?: GrantTerms) => connectedTo(group, terms)
const soon = () => Date.now() + 60_000

describe('participants', () => {
  const event = { content: { type: 'nostr-event' as const, event: note }, mode: { kind: 'plain' as const } }
  const forAlice = (change: Partial<OwnerGrant> = {}) =>
    grantOf(
      { preset: 'notes', holder: { kind: 'askers', askers: ['alice'], content: ['nostr-event'] }, ...change },
      Date.now(),
    )
  const serving = async (...grants: OwnerGrant[]) => serve(await keyFor(group), termsOf(grants))
  const asking = ({ key }: MadeBunker, item: typeof event = event) =>
    ask(key.plan, { digest: key.digest }, 1, [item], soon())

  it('have signed what a book grants them, and nothing else', async () => {
    const bunker = await serving(forAlice())
    const signed = await sign(bunker.key, await asking(bunker), [], [1, 2])
    expect(signed.receipts).toHaveLength(2)
    const other = { ...event, content: { ...event.content, event: { ...note, kind: 0 } } }
    await expectRefusal(commitAll(bunker.key, await asking(bunker, other), [], [2]), 'consent.missing', [2])
    await expect(commitAll(bunker.key, await asking(bunker, other), [], [1])).resolves.toHaveLength(1)
  })

  it('have no more than its limits say, and what they have is counted for each grant', async () => {
    const bunker = await serving(forAlice({ limits: [{ count: 1, seconds: 60 }] }))
    await sign(bunker.key, await asking(bunker), [], [1, 2])
    await expectRefusal(sign(bunker.key, await asking(bunker), [], [1, 2]), 'grant.exhausted', [2])
  })

  it('have nothing after it was taken back, and a word on the request counts all the same', async () => {
    const bunker = await serving(forAlice())
    await grantAll(bunker, termsOf([]))
    await expectRefusal(commitAll(bunker.key, await asking(bunker), [], [2]), 'consent.missing', [2])
  })
})

describe('a book that takes a grant back', () => {
  it('wipes what hosts had worked out under it', async () => {
    const { bunker, program, user } = await connected()
    const peer = generateSecretKey()
    const message = nip44.encrypt('gm', nip44.getConversationKey(peer, user))
    await signFor(bunker, program.ask('nip44_decrypt', [getPublicKey(peer), message]), [1, 2])
    const [grant] = [grantOf({ holder: { kind: 'client', client: program.pubkey, greeting: null } }, Date.now())]
    await grantAll(bunker, termsOf([grant]))
    const taken = await takeAt(bunker, 1, program.ask('nip44_decrypt', [getPublicKey(peer), message]))
    expect(taken.does).toBe('sign')
  })

  it('ends what is under way: a host that has it takes part in no package of that owner', async () => {
    const { bunker, program } = await connected()
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const asked = { request: taken.request, sealedItems: [sealedEvent(event)] }
    const commitments = await commitAll(bunker.key, asked, [], [1, 2])
    await grantAll(bunker, termsOf([]), { owners: [2] })
    const { signingId } = taken.request.body
    const place = { signingId, attempt: 1, index: 1, consents: [], commitments }
    await expectRefusal(bunker.key.plan.hosts.get(1)!.call('signing.partial', place), 'consent.missing', [2])
  })
})

describe('the log', () => {
  it('has a line of each host that had a part, each naming the one before, which none but people and hosts of the key read', async () => {
    const { bunker, program } = await connected()
    const { key } = bunker
    const peer = getPublicKey(generateSecretKey())
    const event = program.ask('nip44_encrypt', [peer, 'gm'])
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const asked = { request: taken.request, sealedItems: [sealedEvent(event)] }
    const commitments = await commitAll(key, asked, [], [1, 2])
    const entries: LogEntry[] = [taken.entry]
    for (const index of [1, 2]) {
      const place = { signingId: taken.request.body.signingId, attempt: 1, index, consents: [], commitments }
      const first = await key.plan.hosts.get(index)!.call('signing.partial', place)
      expect(await key.plan.hosts.get(index)!.call('signing.partial', place)).toEqual(first)
      entries.push(first.entry!)
    }
    const hosts = [1, 1, 2].map((index) => key.plan.hosts.get(index)!.identity.signKey)
    for (const [at, entry] of entries.entries()) {
      expect(await verifyBody(hosts[at]!, 'log-entry', entry)).toBe(true)
      expect(openLogLine(key.plan.sessionSecret, entry)).toMatchObject({ peer, wish: 'nip44_encrypt', event: event.id })
      expect(JSON.stringify(entry)).not.toContain(peer)
    }
    expect(entries.map((entry) => openLogLine(key.plan.sessionSecret, entry).outcome)).toEqual([
      'signed',
      'took_part',
      'took_part',
    ])
    expect(entries[1]!.body.previous).toBe(digestOf('log-entry', entries[0]!.body))
    expect(entries[1]!.body.seq).toBe(entries[0]!.body.seq + 1)
    expect(() => openLogLine(new Uint8Array(32), entries[0]!)).toThrow()
  })

  it('says which rule decided, and of each rule before it what was not met and what was found', async () => {
    const { bunker, program } = await connected({ preset: 'notes' })
    const taken = await takeAt(bunker, 1, program.ask('sign_event', [JSON.stringify({ ...note, kind: 0 })]))
    expect(answerOf(taken)).toBeDefined()
    const line = openLogLine(bunker.key.plan.sessionSecret, taken.entry)
    expect(line).toMatchObject({ outcome: 'refused', code: 'nostr.not_permitted', client: program.pubkey })
    expect(line.judgements).toHaveLength(3)
    expect(line.judgements[0]).toMatchObject({ does: 'refuse', rule: 'not_permitted', observed: 'sign_event:0' })
    expect(line.judgements[0]!.passed.at(-2)).toEqual({
      rule: 'permitted',
      unmet: 'a grant has the permission',
      observed: 'sign_event:0',
    })
  })
})
