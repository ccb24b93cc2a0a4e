import { generateSecretKey, getPublicKey, nip44, verifyEvent, type Event } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { digestOf } from '@quorate/shared/crypto/sign'
import { refusals } from '@quorate/shared/errors'
import { mostLimits } from '@quorate/shared/crypto/bunker-secrets'
import { sealedEvent } from '@quorate/shared/verify/client-request'
import { toBase64url } from '@quorate/shared/wire/bytes'
import {
  answerOf,
  connectedTo,
  createBunker,
  grantAll,
  grantOf,
  keyFor,
  lineageOfKey,
  loadAll,
  loadBunker,
  note,
  serve,
  signFor,
  startProgram,
  takeAt,
  termsOf,
  connect,
  writeBook,
  type GrantTerms,
  type MadeBunker,
} from './bunker.ts'
import { carried, commitAll, loadKey, makeKey, recall } from './ceremony.ts'
import { introduceAll, startHosts, type Group, type Host } from './host.ts'
import { approve, ask, bytesItem } from './people.ts'
import { expectRefusal } from './refused.ts'

/*
 * What a gateway or a host that lies could try with a bunker, and what a host that has forgotten must not take on trust.
 */
const group = await startHosts()
await introduceAll(group.members)
const connected = (terms?: GrantTerms) => connectedTo(group, terms)
const soon = () => Date.now() + 60_000
const denied = refusals['nostr.not_permitted'].title
const gm = JSON.stringify(note)

async function restart({ key }: MadeBunker, indices: number[], of: Group<Host> = group): Promise<void> {
  for (const index of indices) key.plan.hosts.get(index)!.restart()
  await introduceAll(of.members)
  await loadKey(key, indices)
}

describe('a book', () => {
  it('is not taken with the signature of another owner, or with more limits than a host counts', async () => {
    const bunker = await createBunker(await keyFor(group))
    const [mine, other] = [await writeBook(bunker, 1, termsOf([])), await writeBook(bunker, 2, termsOf([]))]
    const limits = Array.from({ length: 4 }, (_, at) => ({ count: 1, seconds: at + 1 }))
    const grants = Array.from({ length: mostLimits(3) / 4 + 1 }, () => grantOf({ limits }, Date.now()))
    for (const bad of [{ ...mine, signature: other.signature }, await writeBook(bunker, 1, termsOf(grants))])
      expect((await loadBunker(bunker, 1, [bad])).refused).toEqual([{ index: 1, code: 'book.invalid' }])
  })

  it('binds its owner alone: what was granted at the registration counts no more, also where the book is missing', async () => {
    const grant = {
      askers: ['alice'],
      content: ['bytes' as const],
      expiresAt: 9e12,
      limit: { count: 9, seconds: 60 },
    }
    const key = await makeKey(group, { content: ['bytes'], grants: new Map([[2, grant]]) })
    await loadKey(key)
    const asked = await ask(key.plan, { digest: key.digest }, 1, [bytesItem('hello')], soon())
    expect(carried(key, asked, [])).toHaveLength(1)
    await expect(commitAll(key, asked, [], [1, 2])).resolves.toHaveLength(2)

    const bunker = await createBunker(key)
    await grantAll(bunker, termsOf([]), { owners: [2] })
    const again = await ask(key.plan, { digest: key.digest }, 1, [bytesItem('hello')], soon())
    await expectRefusal(commitAll(key, again, [], [2]), 'consent.missing', [2])

    await restart(bunker, [2])
    await recall(key, 2)
    await expectRefusal(commitAll(key, again, [], [2]), 'book.unproven', [2])
  })

  it('of one owner is not enough where all hosts have forgotten which version of the key is in force', async () => {
    const { bunker, program } = await connected({ limits: [{ count: 1, seconds: 60 }] })
    await signFor(bunker, program.ask('sign_event', [gm]))
    await restart(bunker, [1, 2, 3])
    const lives = group.members.map((host) => host.bootId())
    const holder = { kind: 'client' as const, client: program.pubkey, greeting: null }
    const terms = termsOf([grantOf({ holder, limits: [{ count: 1, seconds: 60 }] }, Date.now())])
    await grantAll(bunker, terms, { lives, owners: [1] })
    await expectRefusal(takeAt(bunker, 1, program.ask('ping', [])), 'epoch.unproven')
    await grantAll(bunker, terms, { lives, owners: [2] })
    await loadAll(bunker)
    // What was used before counts no more: the owners have said so anew.
    await signFor(bunker, program.ask('sign_event', [gm]))
    await expectRefusal(signFor(bunker, program.ask('sign_event', [gm])), 'grant.exhausted')
  })

  it('offers no longer than its grant lasts', async () => {
    const bunker = await serve(await keyFor(group), termsOf([grantOf({ expiresAt: Date.now() - 1 }, Date.now())]))
    const program = startProgram(bunker)
    const taken = await connect(bunker, program.ask('connect', [bunker.signer, 's3cret']))
    expect(program.read(answerOf(taken)).error).toBe(denied)
  })
})

describe('a binding', () => {
  /** What host 2 says to the program after it has restarted and was brought these bindings. */
  async function afterRestart(pick: (bunker: MadeBunker) => MadeBunker['bindings']) {
    const { bunker, program } = await connected()
    expect(bunker.bindings).toHaveLength(3)
    bunker.bindings = pick(bunker)
    await restart(bunker, [2])
    await recall(bunker.key, 2)
    await loadBunker(bunker, 2)
    return program.read(answerOf(await takeAt(bunker, 2, program.ask('ping', []))))
  }

  it('is believed of the host itself, and of the hosts of a quorum', async () => {
    expect((await afterRestart(({ bindings }) => [bindings[1]!])).result).toBe('pong')
    expect((await afterRestart(({ bindings }) => [bindings[0]!, bindings[2]!])).result).toBe('pong')
  })

  it('is not believed of one other host, twice of one, or of nobody', async () => {
    expect((await afterRestart(({ bindings }) => [bindings[0]!])).error).toBe(denied)
    expect((await afterRestart(({ bindings }) => [bindings[0]!, bindings[0]!])).error).toBe(denied)
    const forge = (binding: MadeBunker['bindings'][number]) => ({
      ...binding,
      body: { ...binding.body, since: binding.body.since + 1 },
    })
    expect((await afterRestart(({ bindings }) => bindings.map(forge))).error).toBe(denied)
    const other = await connected()
    expect((await afterRestart(() => other.bunker.bindings)).error).toBe(denied)
  })

  it('that has ended is over whoever of the hosts says so', async () => {
    const { bunker, program } = await connected()
    const before = bunker.bindings
    await connect(bunker, program.ask('logout', []))
    bunker.bindings = [...before, bunker.bindings[3]!]
    await restart(bunker, [2])
    await recall(bunker.key, 2)
    await loadBunker(bunker, 2)
    expect(program.read(answerOf(await takeAt(bunker, 2, program.ask('ping', [])))).error).toBe(denied)
  })
})

describe('a host', () => {
  it('takes no word for another owner’s, and none that its owner did not sign', async () => {
    const { bunker, program } = await connected({ preset: 'nothing', otherwise: 'ask' })
    const event = program.ask('sign_event', [gm])
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'ask') throw new Error(taken.does)
    const digest = digestOf('request', taken.request!.body)
    const [one, two] = await Promise.all([1, 2].map((index) => approve(bunker.key.plan, index, digest, soon())))
    const forged = { ...one!, body: { ...one!.body, index: 2 } }
    expect((await takeAt(bunker, 1, event, [one!, forged])).does).toBe('ask')
    expect((await takeAt(bunker, 1, event, [one!, { ...two!, signature: one!.signature }])).does).toBe('ask')
    expect((await takeAt(bunker, 1, event, [one!, two!])).does).toBe('sign')
  })

  it('takes an old event when a host of the key has laid it out within the hour, be it another one, and in another life', async () => {
    const clock = { now: Date.now() }
    const later = await startHosts({ clock })
    await introduceAll(later.members)
    const bunker = await serve(await keyFor(later), termsOf([], { strangers: 'ask' }))
    const program = startProgram(bunker)
    const event = program.ask('connect', [bunker.signer, ''])
    const at = Math.floor(clock.now / 1_000)
    const [asked, other] = [await takeAt(bunker, 1, event), await takeAt(bunker, 1, program.ask('ping', []))]
    expect([asked.does, other.does]).toEqual(['ask', 'answer'])

    clock.now += 1_200_000
    await restart(bunker, [1], later)
    await recall(bunker.key, 1)
    const grant = grantOf({ holder: { kind: 'client', client: program.pubkey, greeting: null } }, clock.now)
    await grantAll(bunker, termsOf([grant], { strangers: 'ask' }))
    const forged = { ...asked.entry, signature: other.entry.signature }
    for (const entry of [null, other.entry, forged])
      await expectRefusal(takeAt(bunker, 1, event, [], entry), 'nostr.event_stale')
    await expectRefusal(takeAt(bunker, 1, program.ask('ping', [], at), [], asked.entry), 'nostr.event_stale')
    for (const index of [1, 2, 3])
      expect(program.read(answerOf(await takeAt(bunker, index, event, [], asked.entry))).result).toBe('ack')
    clock.now = at * 1_000 + 3_600_000
    await expectRefusal(takeAt(bunker, 2, event, [], asked.entry), 'nostr.event_stale')
  })

  it('does nothing that the policy of the key does not name', async () => {
    const key = await makeKey(group, { content: ['nostr-event'] })
    await loadKey(key)
    const bunker = await serve(key, termsOf([grantOf({}, Date.now())]))
    const program = startProgram(bunker)
    await connect(bunker, program.ask('connect', [bunker.signer, 's3cret']))
    const taken = await takeAt(bunker, 1, program.ask('nip44_encrypt', [getPublicKey(generateSecretKey()), 'gm']))
    expect(program.read(answerOf(taken)).error).toBe(refusals['content.not_permitted'].title)
    const signed = JSON.parse(program.read(await signFor(bunker, program.ask('sign_event', [gm]))).result!) as Event
    expect(verifyEvent(signed)).toBe(true)
  })

  it('counts a message for which it has the shared point as one for which it asked the shares', async () => {
    const { bunker, program, user } = await connected({ limits: [{ count: 2, seconds: 60 }] })
    const secret = generateSecretKey()
    const message = nip44.encrypt('gm', nip44.getConversationKey(secret, user))
    const decrypt = () => program.ask('nip44_decrypt', [getPublicKey(secret), message])
    expect(program.read(await signFor(bunker, decrypt())).result).toBe('gm')
    expect(program.read(answerOf(await takeAt(bunker, 1, decrypt()))).result).toBe('gm')
    await expectRefusal(takeAt(bunker, 1, decrypt()), 'grant.exhausted')
  })

  it('opens no other secret than that of the signer whose name it bears', async () => {
    const bunker = await createBunker(await keyFor(group))
    const host = group.members[0]!
    const place = { lineage: lineageOfKey(bunker.key), signer: bunker.signer }
    const sealed = toBase64url(host.keys.sealSigner(place, generateSecretKey()))
    await restart(bunker, [1])
    bunker.sealed.set(host.identity.signKey, { from: host.identity.signKey, sealed })
    await expectRefusal(loadBunker(bunker, 1), 'seal.invalid')
  })

  it('signs nothing for a request that is over', async () => {
    const clock = { now: Date.now() }
    const later = await startHosts({ clock })
    await introduceAll(later.members)
    const { bunker, program } = await connectedTo(later)
    const event = program.ask('sign_event', [gm])
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const asked = { request: taken.request, sealedItems: [sealedEvent(event)] }
    clock.now = taken.request.body.expiresAt
    await expectRefusal(commitAll(bunker.key, asked, [], [1]), 'consent.expired')
  })
})
