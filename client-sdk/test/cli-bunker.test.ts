import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateSecretKey, getPublicKey, nip19 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { openHome } from '../src/cli/home.ts'
import { Quorate } from '../src/index.ts'
import { environment, folder, home, inClear, runLine, withOwnHome, type Given, type Ran } from './command-line.ts'
import { fleet, gateway } from './lying-gateway.ts'

withOwnHome()

const noteText = JSON.stringify({ kind: 1, created_at: Math.floor(Date.now() / 1_000), tags: [], content: 'gm ☀' })
const relay = 'wss://relay.example'

/** Runs one command line below `quorate bunker`, as this person. */
const as =
  (name: string) =>
  (line: readonly string[], given: Given = {}): Promise<Ran> =>
    runLine(['bunker', ...line, '--as', name], environment(), given)
const [alice, bob] = ['alice', 'bob'].map(as) as [ReturnType<typeof as>, ReturnType<typeof as>]

/** A key of alice, bob and carol, all of whom are kept here. */
async function keptKey(content: ('nostr-event' | 'ecdh' | 'bytes')[] = ['nostr-event', 'ecdh']): Promise<string> {
  const kept = openHome(home(), inClear)
  const participants = ['alice', 'bob', 'carol']
  const quorate = new Quorate({ gateway: gateway.url, trust: fleet.trust })
  const seeds = await Promise.all(participants.map((name) => kept.seedOrNew(name)))
  const [first, ...others] = participants.map((name, at) => quorate.participant(name, { seed: seeds[at]! }))
  const keygen = await first!.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants, content })
  for (const one of others) await one.participate(keygen.invitation(one.userId))
  await kept.saveKey(await keygen.completed())
  return keygen.keyId
}

async function withBunker() {
  const keyId = await keptKey()
  expect(await alice(['create', keyId, '--relay', relay])).toMatchObject({ code: 0 })
  return keyId
}

/** A program that alice and bob have let in by these options. */
async function connected(...terms: string[]) {
  const keyId = await withBunker()
  const [offered] = (await alice(['offer', keyId, ...terms, '--json'])).lines as [{ uri: string; grant: string }]
  expect(await bob(['second', keyId, offered.grant, '--yes'])).toMatchObject({ code: 0 })
  const program = gateway.bunkers.startProgram(keyId)
  const { signer } = gateway.bunkers.rowOf(keyId)
  const secret = new URL(offered.uri).searchParams.get('secret')!
  expect(await program.ask('connect', signer, secret)).toMatchObject({ result: 'ack' })
  return { keyId, program, grant: offered.grant }
}

describe('quorate bunker', () => {
  it('makes a bunker, and says where it is and what to do next', async () => {
    const keyId = await keptKey()
    const made = await alice(['create', keyId, '--relay', relay])
    const { signer } = gateway.bunkers.rowOf(keyId)
    expect(made.code).toBe(0)
    expect(made.out).toContain(nip19.npubEncode(signer))
    expect(made.out).toContain(`quorate bunker offer ${keyId.slice(0, 8)}`)
    const [again] = (await alice(['create', keyId, '--relay', 'wss://other.example', '--json'])).lines
    expect(again).toMatchObject({ event: 'bunker', signer, relays: ['wss://other.example'] })
  })

  it('says what to do about a key that cannot have one, or has none', async () => {
    const keyId = await keptKey(['bytes'])
    const refused = await alice(['create', keyId, '--relay', relay])
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('--content')])
    const none = await alice(['grants', keyId])
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('quorate bunker create KEY')])
    expect(await alice(['create', keyId])).toMatchObject({ code: 2 })
  })

  it('deals an nsec and makes its bunker', async () => {
    const secret = generateSecretKey()
    await writeFile(join(folder, 'nsec'), nip19.nsecEncode(secret))
    const joining: Promise<unknown>[] = []
    const told = (out: string) => {
      const [invited] = out.split('\n').filter((line) => line.includes('"invited"'))
      if (invited === undefined || joining.length > 0) return
      const { invitations } = JSON.parse(invited) as { invitations: { userId: string; link: string }[] }
      for (const { userId, link } of invitations)
        joining.push(runLine(['participate', link, '--as', userId, '--dealt-by', 'alice'], environment()))
    }
    const line = ['import', '--secret', join(folder, 'nsec'), '-y', '-t', '2', 'alice', 'bob', 'carol']
    const made = await alice([...line, '--relay', relay, '--json'], { told })
    await Promise.all(joining)
    expect(made.code).toBe(0)
    const bunker = made.lines.find(({ event }) => event === 'bunker')
    expect(bunker).toMatchObject({ user: { hex: getPublicKey(secret) }, relays: [relay] })
  })

  it('offers a connection string with a QR code, and tells the others what to say', async () => {
    const keyId = await withBunker()
    const offered = await alice(['offer', keyId, '--preset', 'notes', '--per-day', '50', '--until', '30d'])
    expect(offered.code).toBe(0)
    expect(offered.out).toMatch(/bunker:\/\/[0-9a-f]{64}\?relay=wss%3A%2F%2Frelay.example&secret=[0-9a-f]{32}/)
    expect(offered.out).toMatch(/[█▀▄]{20}/)
    expect(offered.out).toMatch(/quorate bunker second [0-9a-f]{8} [0-9a-f]{16}/)
    const plain = await alice(['offer', keyId, '--kind', '1,7', '--no-qr'])
    expect(plain.out).not.toMatch(/[█▀▄]/)
    const grants = await alice(['grants', keyId])
    expect(grants.out).toContain(`publish notes, replies, reposts and reactions`)
    expect(grants.out).toContain('50 a day')
    expect(grants.out).toContain('1 more must say the same')
    expect(grants.out).toContain('sign events of kind 1, 7')
  })

  it.each([
    [['offer', 'KEY', '--preset', 'all']],
    [['offer', 'KEY', '--kind', 'one']],
    [['offer', 'KEY', '--per-day', 'x']],
    [['offer', 'KEY', '--peer', 'npub1x']],
    [['offer', 'KEY', '--until', '2001-01-01']],
    [['connect', 'KEY', 'nostrconnect://x']],
    [['revoke', 'KEY']],
    [['revoke', 'KEY', '00'.repeat(8), '--all']],
    [['approve', 'x']],
    [['verify']],
  ])('refuses %j as used wrongly', async (line) => {
    const keyId = await withBunker()
    expect(await alice(line.map((word) => (word === 'KEY' ? keyId : word)))).toMatchObject({ code: 2 })
  })

  it('lets in a program that shows a string of its own, and says what it asks for', async () => {
    const keyId = await withBunker()
    const secretKey = generateSecretKey()
    const uri = `nostrconnect://${getPublicKey(secretKey)}?relay=wss%3A%2F%2Fc.example&secret=s3cret&name=Coracle&perms=sign_event%3A1%2Csign_event%3A27235`
    const { code, err, lines } = await alice(['connect', keyId, uri, '--as-asked', '--json'])
    expect([code, err]).toEqual([0, ''])
    expect(lines[0]).toMatchObject({ event: 'connected', client: getPublicKey(secretKey), missing: 1 })
    const program = gateway.bunkers.startProgram(keyId, secretKey)
    expect(program.heard()).toBeNull()
    const seconded = await bob(['second', keyId, (lines[0] as { grant: string }).grant, '--yes'])
    expect([seconded.code, seconded.out]).toEqual([0, expect.stringContaining('the program was answered')])
    expect(program.heard()).toMatchObject({ result: 's3cret' })
    const [shown] = (await alice(['grants', keyId, '--json'])).lines
    const [{ grant }] = (shown as { grants: [{ grant: { permissions: { kinds: object } } }] }).grants
    expect(grant.permissions.kinds).toEqual({ ordinary: false, named: [1] })
    const spoken = await alice(['connect', keyId, uri, '--preset', 'notes'])
    expect(spoken.err).toContain('calls itself Coracle, which proves nothing')
    expect(spoken.err).toContain('prove to others who the user is (kind 27235)')
  })

  it('asks before it says the same as another owner', async () => {
    const keyId = await withBunker()
    const [{ grant }] = (await alice(['offer', keyId, '--preset', 'notes', '--json'])).lines as [{ grant: string }]
    const alone = await bob(['second', keyId, grant])
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining('publish notes')])
    expect(await bob(['second', keyId, grant], { typed: 'n\n', interactive: true })).toMatchObject({ code: 2 })
    expect(await bob(['second', keyId, grant], { typed: 'y\n', interactive: true })).toMatchObject({ code: 0 })
    expect(await bob(['second', keyId, '00'.repeat(8), '--yes'])).toMatchObject({ code: 2 })
  })

  it('shows what waits, approves it by what the page says, and for always', async () => {
    const { keyId, program } = await connected('--preset', 'nothing')
    expect((await alice(['waiting', keyId])).out).toContain('nothing waits')
    const { error } = (await program.ask('sign_event', noteText))!
    const event = error!.split('/').at(-1)!
    const waiting = await alice(['waiting', keyId])
    for (const text of ['asks to sign events of kind 1', event, nip19.npubEncode(program.pubkey), 'gm ☀'])
      expect(waiting.out).toContain(text)
    expect(await alice(['approve', event])).toMatchObject({ code: 2 })
    expect(await alice(['approve', event], { typed: 'a\n', interactive: true })).toMatchObject({ code: 0 })
    expect((await alice(['waiting', keyId])).out).toContain('nothing waits')
    const [approved] = (await bob(['approve', event, '--always', '--json'])).lines
    expect(approved).toMatchObject({ event: 'approved', request: event, always: true, userId: 'bob' })
    expect((await program.ask('sign_event', noteText))?.result).toMatch('pubkey')
    expect(await bob(['approve', event, '--yes'])).toMatchObject({ code: 1 })
  })

  it('rejects what waits, and waits for what does not yet', async () => {
    const { keyId, program } = await connected('--preset', 'nothing')
    const asked = gateway.nextAsked('listWaiting', 'wait')
    const next = alice(['waiting', keyId, '--wait', '--json'])
    await asked
    await program.ask('sign_event', noteText)
    const [shown] = (await next).lines
    const [{ event }] = (shown as { waiting: [{ event: string }] }).waiting
    expect(await alice(['reject', event])).toMatchObject({ code: 0 })
    expect((await bob(['waiting', keyId])).out).toContain('nothing waits')
  })

  it('narrows a grant, and refuses what is wider', async () => {
    const { keyId, program, grant } = await connected('--preset', 'notes')
    const wider = await alice(['narrow', keyId, grant, '--preset', 'everything'])
    expect([wider.code, wider.err]).toEqual([2, expect.stringContaining('permit what the grant does not')])
    expect(await alice(['narrow', keyId, grant, '--kind', '7', '--otherwise', 'refuse'])).toMatchObject({ code: 0 })
    expect(await program.ask('sign_event', noteText)).toHaveProperty('error')
  })

  it('takes grants back, one and all', async () => {
    const { keyId, program, grant } = await connected('--preset', 'notes')
    const revoked = await alice(['revoke', keyId, grant])
    expect([revoked.code, revoked.out]).toEqual([0, expect.stringContaining('heard by the hosts of alice, bob, carol')])
    expect(await program.ask('sign_event', noteText)).toHaveProperty('error')
    expect(await alice(['revoke', keyId, grant])).toMatchObject({ code: 2 })
    expect((await bob(['revoke', keyId, '--all'])).out).toContain('you let no program do anything any more')
  })

  it('keeps which book is the newest, and writes on none that is older', async () => {
    const { keyId, grant } = await connected('--preset', 'notes')
    const { books } = await gateway.bunkers.shown(keyId)
    await alice(['revoke', keyId, grant])
    gateway.lies.getBunker = (status: object) => ({ ...status, books, hosts: [] })
    const fooled = await alice(['offer', keyId, '--preset', 'notes'])
    expect([fooled.code, fooled.err]).toEqual([3, expect.stringContaining('older than what is known here')])
    const file = join(home(), 'books', `${keyId}.alice.json`)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ serial: 3 })
    await writeFile(file, 'x')
    expect(await alice(['grants', keyId])).toMatchObject({ code: 2 })
  })

  it('shows the log with the rules, and ends with 3 when a line is missing', async () => {
    const { keyId, program } = await connected('--preset', 'notes')
    await program.ask('sign_event', noteText)
    await program.ask('sign_event', noteText.replace('"kind":1', '"kind":0'))
    const told = await alice(['log', keyId, '--rules'])
    expect(told.code).toBe(0)
    for (const text of [
      'sign_event:1: signed',
      'the shares of alice, bob',
      'sign_event:0: asked',
      'ask by owner_decides',
    ])
      expect(told.out).toContain(text)
    expect(told.out).toContain('not permitted: a grant has the permission (sign_event:0)')
    gateway.lies.readLog = ({ rows }: { rows: { at: number }[] }) => ({ rows: rows.filter(({ at }) => at !== 4) })
    const broken = await alice(['log', keyId, '--json'])
    expect([broken.code, broken.lines.at(-1)]).toEqual([3, expect.objectContaining({ code: 'log.broken', at: 5 })])
  })

  it('verifies the hosts of a bunker, and events of a signer without a key', async () => {
    const { keyId } = await connected()
    const verified = await alice(['verify', keyId])
    expect([verified.code, verified.out]).toEqual([0, expect.stringContaining('enclaves of an accepted image')])
    const events = await gateway.bunkers.announced(keyId)
    const event = events[0]!
    const file = join(folder, 'event.json')
    for (const [written, hosts] of [
      [events, 3],
      [event, 1],
    ] as const) {
      await writeFile(file, JSON.stringify(written))
      const [shown] = (await alice(['verify', '--event', file, '--json'])).lines
      expect(shown).toMatchObject({ verified: true, signer: event.pubkey })
      expect((shown as { hosts: unknown[] }).hosts).toHaveLength(hosts)
    }
    await writeFile(file, JSON.stringify({ ...event, content: event.content + ' ' }))
    expect(await alice(['verify', '--event', file])).toMatchObject({ code: 3 })
  })

  it('says all grants again after every enclave has restarted', async () => {
    const { keyId, program } = await connected('--preset', 'notes')
    for (const host of fleet.enclaves) host.restart()
    await gateway.bunkers.reload(keyId)
    const renew = `quorate bunker renew ${keyId.slice(0, 8)}`
    for (const command of ['grants', 'waiting']) expect((await alice([command, keyId])).out).toContain(renew)
    for (const owner of [alice, bob]) expect(await owner(['renew', keyId])).toMatchObject({ code: 0 })
    expect((await alice(['grants', keyId])).out).not.toContain(renew)
    expect((await program.ask('sign_event', noteText))?.result).toMatch('pubkey')
  })

  it('explains itself', async () => {
    const { code, out } = await runLine(['bunker', '--help'], environment())
    expect(code).toBe(0)
    for (const command of ['create', 'import', 'connect', 'offer', 'grants', 'second', 'revoke', 'waiting'])
      expect(out).toContain(command)
    expect((await runLine(['bunker', 'offer', '--help'], environment())).out).toContain('publish notes')
  })
})
