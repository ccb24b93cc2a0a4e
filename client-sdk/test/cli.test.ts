import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ed25519 } from '@noble/curves/ed25519.js'
import { nip19 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { encodeInvitation, type Invitation } from '../src/index.ts'
import { environment, folder, runLine, withOwnHome, type Line, type Ran } from './command-line.ts'
import { fleet, gateway } from './lying-gateway.ts'

withOwnHome()

const quorate = (
  line: readonly string[],
  { env = environment(), told }: { env?: Record<string, string>; told?: (out: string) => void } = {},
): Promise<Ran> => runLine(line, env, { told })

/** The gateway lists one enclave, in this state. */
function listsOne(state: 'ready' | 'retired'): void {
  const { identity } = fleet.enclaves[0]!
  gateway.lies.listEnclaves = () => ({
    enclaves: [{ enclaveId: identity.enclaveId, state, identity, sealing: null }],
  })
}

/** alice makes a key with bob and carol, each by own commands, all kept in one home. */
async function makeKey(...options: string[]): Promise<string> {
  const joins: Promise<Ran>[] = []
  const told = (out: string) => {
    if (joins.length > 0 || !out.includes('\n')) return
    const [invited] = out.split('\n').map((text) => (text ? (JSON.parse(text) as Line) : {}))
    for (const { userId, link } of invited!['invitations'] as { userId: string; link: string }[])
      joins.push(quorate(['participate', link, '--as', userId, '--no-wait', '--json']))
  }
  const made = await quorate(
    ['keygen', '-t', '2', 'alice', 'bob', 'carol', '--as', 'alice', '--json', '--timeout', '60s', ...options],
    { told },
  )
  for (const joined of await Promise.all(joins)) expect(joined).toMatchObject({ code: 0 })
  expect(made).toMatchObject({ code: 0, lines: [{ event: 'invited' }, { event: 'completed' }] })
  return made.lines[1]!.keyId!
}

describe('quorate', () => {
  it('explains itself, and ends with 2 when it is used wrongly', async () => {
    expect(await quorate(['--help'])).toMatchObject({ code: 0 })
    for (const command of [
      'fleet',
      'attest',
      'keygen',
      'participate',
      'sign',
      'approve',
      'status',
      'key',
      'refresh',
      'update',
      'verify',
      'pending',
      'withdraw',
      'history',
      'token',
      'seed',
      'trust',
      'completion',
      'demo',
    ]) {
      const { code, out } = await quorate([command, '--help'])
      expect(code).toBe(0)
      expect(out).toContain('Example')
    }
    expect((await quorate(['nonsense'])).code).toBe(2)
    expect((await quorate(['keygen', 'alice', 'bob'])).err).toContain('--threshold')
    expect((await quorate(['keygen', '-t', '9', 'alice', 'bob', '--as', 'alice'])).code).toBe(2)
    expect((await quorate(['participate', 'quorate:join#x', '--as', 'bob'])).code).toBe(2)
  })

  it('says what is missing: gateway, trust file, name', async () => {
    const { QUORATE_TRUST, QUORATE_GATEWAY, QUORATE_HOME } = environment()
    const missing = async (env: Record<string, string>, line = ['fleet']) => {
      const { code, err } = await quorate(line, { env: { QUORATE_HOME, ...env } })
      expect(code).toBe(2)
      return err
    }
    expect(await missing({ QUORATE_TRUST })).toContain('--gateway')
    expect(await missing({ QUORATE_GATEWAY })).toContain('--trust')
    expect(await missing({ QUORATE_GATEWAY, QUORATE_TRUST: '/nowhere' })).toContain('/nowhere')
    expect(await missing({ QUORATE_GATEWAY, QUORATE_TRUST }, ['keygen', '-t', '2', 'a', 'b'])).toContain('--as')
  })

  it('says which part of the line it cannot use, and draws no seed for a name that was mistyped', async () => {
    const keyId = await makeKey()
    const wrong = async (...line: string[]) => {
      const { code, err } = await quorate(line)
      expect(code, line.join(' ')).toBe(2)
      return err
    }
    expect(await wrong('sign', keyId, 'x', '--as', 'alcie')).toContain('alice, bob, carol')
    expect(await wrong('sign', keyId, 'x')).toContain('alice, bob, carol')
    expect(await wrong('approve', '8d3c', '--as', 'bob')).toContain('8d3c')
    expect(await wrong('status', 'nope', '--as', 'bob')).toContain('nope')
    expect(await wrong('verify', keyId)).toContain('--proof')
    expect(await wrong('keygen', '-t', 'two', 'a', 'b', '--as', 'a')).toContain('two')
    expect(await wrong('keygen', '-t', '2', 'a', 'b', '--as', '!!')).toContain('!!')
    expect((await readdir(join(folder, 'home', 'seeds'))).sort()).toEqual(['alice.seed', 'bob.seed', 'carol.seed'])
  })

  it('lists enclaves that prove themselves, and ends with 3 when one does not', async () => {
    const { code, lines } = await quorate(['fleet', '--json'])
    expect(code).toBe(0)
    expect(lines[0]!['enclaves']).toHaveLength(3)
    expect(lines[0]!['enclaves']).toMatchObject([{ attested: true }, { attested: true }, { attested: true }])
    gateway.lies.getAttestation = () => fleet.attest(fleet.enclaves[1]!, '11'.repeat(32))
    const lied = await quorate(['fleet'])
    expect(lied.code).toBe(3)
    expect(lied.out).toContain('NOT attested')
  })

  it('says of an enclave whose root its host can open that it is so, as it attests, whatever the gateway says', async () => {
    const sealing: SealingClaims = {
      provider: 'google',
      releasesTo: 'holder-of-credentials',
      keyAttestation: 'none',
    }
    listsOne('ready')
    gateway.lies.getAttestation = (_, { query }) =>
      fleet.attest(fleet.enclaves[0]!, query.get('nonce') ?? '', { sealing })
    expect((await quorate(['fleet'])).out).toContain('root sealed by google to its host')
    expect((await quorate(['fleet', '--json'])).lines[0]!['enclaves']).toMatchObject([{ sealing }])
  })

  it('says of an enclave that a manifest has retired that it is so, and ends with 1', async () => {
    listsOne('retired')
    const said = await quorate(['fleet'])
    expect(said.out).toContain('enclave-0  retired: the manifest in force does not list its image')
    expect(said.code).toBe(1)
  })

  it('attests one enclave, or a document in a file', async () => {
    const one = await quorate(['attest', 'enclave-1', '--json'])
    expect(one).toMatchObject({ code: 0, lines: [{ attested: true, moduleId: 'i-forged-enc01' }] })
    const { document } = await fleet.attest(fleet.enclaves[0]!, '11'.repeat(32))
    const file = join(folder, 'document.bin')
    await writeFile(file, Buffer.from(document, 'base64url'))
    expect(await quorate(['attest', '--document', file])).toMatchObject({ code: 0 })
    expect(await quorate(['attest', '--document', file, '--at', '2001-01-01'])).toMatchObject({ code: 3 })
    await writeFile(file, 'nonsense')
    expect(await quorate(['attest', '--document', file])).toMatchObject({ code: 3 })
    expect(await quorate(['attest'])).toMatchObject({ code: 2 })
  })

  it('makes a key, signs with an approval, and verifies signature and proof', async () => {
    const keyId = await makeKey()
    const proof = join(folder, 'proof.json')
    const approving = quorate(['approve', '--wait', '--yes', '--as', 'bob', '--json', '--timeout', '60s'])
    const sign = ['sign', keyId.slice(0, 8), 'hello', '--as', 'alice', '--json', '--out', proof, '--timeout', '60s']
    const [signed, approved] = await Promise.all([quorate(sign), approving])
    expect(approved).toMatchObject({ code: 0, lines: [{ event: 'approved', userId: 'bob' }] })
    expect(signed).toMatchObject({ code: 0, lines: [{ event: 'completed', quorum: ['alice', 'bob'] }] })

    const [signature] = signed.lines[0]!['signatures'] as string[]
    expect(await quorate(['verify', keyId, signature!, 'hello'])).toMatchObject({ code: 0 })
    expect(await quorate(['verify', keyId, signature!, 'hullo'])).toMatchObject({ code: 3 })
    expect(await quorate(['verify', keyId, 'ab', 'hello'])).toMatchObject({ code: 2 })
    expect(await quorate(['verify', keyId, '--proof', proof])).toMatchObject({ code: 0 })
    await writeFile(proof, (await readFile(proof, 'utf8')).replace(/"bytes": "68/, '"bytes": "69'))
    expect(await quorate(['verify', keyId, '--proof', proof])).toMatchObject({ code: 3 })

    const { lines } = await quorate(['status', signed.lines[0]!['signingId'] as string, '--as', 'carol', '--json'])
    expect(lines).toMatchObject([{ state: 'completed' }, { event: 'completed', signatures: [signature] }])
  })

  it('shows the content before it approves, and approves nothing that nobody looked at', async () => {
    const keyId = await makeKey()
    const asked = await quorate(['sign', keyId, 'pay \u001b[2J mallory', '--as', 'alice', '--no-wait', '--json'])
    const signingId = asked.lines[0]!['signingId'] as string
    const looked = await quorate(['approve', signingId, '--as', 'bob'])
    expect(looked.code).toBe(2)
    expect(looked.err).toContain('pay \\u{1b}[2J mallory')
    expect(looked.err).toContain('alice asks')
    const said = /waiting for +1 of bob \(has not answered\), carol \(has not answered\)/
    expect(looked.err).toMatch(said)
    expect((await quorate(['status', signingId, '--as', 'bob'])).out).toMatch(said)
    const rejected = await quorate(['approve', signingId, '--as', 'bob', '--reject', 'no'])
    expect(rejected).toMatchObject({ code: 0 })
    expect(await quorate(['status', signingId, '--as', 'alice', '--wait'])).toMatchObject({ code: 1 })
  })

  it('signs exactly the bytes that it is given, with a key for raw ones', async () => {
    const keyId = await makeKey('--scheme', 'frost-ed25519', '--content', 'raw')
    const approving = quorate(['approve', '--wait', '--yes', '--as', 'bob', '--timeout', '60s'])
    const line = ['sign', keyId, '--raw', '--hex', 'C0FFEE', '--as', 'alice', '--json', '--timeout', '60s']
    const [signed, approved] = await Promise.all([quorate(line), approving])
    expect(approved.err).toContain('exactly this')
    expect(signed).toMatchObject({ code: 0, lines: [{ event: 'completed' }] })
    const [{ signatures, publicKeys }] = signed.lines as [Record<'signatures' | 'publicKeys', [string]>]
    expect(ed25519.verify(fromHex(signatures[0]), fromHex('c0ffee'), fromHex(publicKeys[0]))).toBe(true)
    expect(await quorate(['verify', keyId, signatures[0], '--raw', '--hex', 'c0ffee'])).toMatchObject({ code: 0 })
    expect(await quorate(['verify', keyId, signatures[0], '--hex', 'c0ffee'])).toMatchObject({ code: 3 })
    expect(await quorate(['sign', keyId, 'text', '--as', 'alice'])).toMatchObject({ code: 1 })
    const nostr = ['sign', keyId, '--raw', '--nostr-event', 'x.json', '--as', 'alice']
    expect(await quorate(nostr)).toMatchObject({ code: 2 })
  })

  it('refreshes a key, brings it up to date elsewhere, and still verifies what was signed before', async () => {
    const keyId = await makeKey()
    const proof = join(folder, 'proof.json')
    const signing = quorate(['sign', keyId, 'before', '--as', 'alice', '--out', proof, '--timeout', '60s'])
    expect((await quorate(['approve', '--wait', '-y', '--as', 'bob', '--timeout', '60s'])).code).toBe(0)
    expect((await signing).code).toBe(0)
    const elsewhere = join(folder, 'elsewhere')
    await cp(join(folder, 'home'), elsewhere, { recursive: true })

    const refreshed = await quorate(['refresh', keyId.slice(0, 8), '--as', 'bob', '--json'])
    expect(refreshed).toMatchObject({ code: 0, lines: [{ event: 'refreshed', keyId, epoch: 1 }] })
    expect((await quorate(['key', keyId])).out).toContain('epoch 1')
    expect((await quorate(['verify', keyId, '--proof', proof])).code).toBe(0)

    const env = { ...environment(), QUORATE_HOME: elsewhere }
    expect((await quorate(['key', keyId], { env })).out).toContain('epoch 0')
    const updated = await quorate(['update', keyId, '--json'], { env })
    const { certificate } = refreshed.lines[0]!
    expect(updated).toMatchObject({ code: 0, lines: [{ event: 'updated', epoch: 1, certificate }] })
    expect((await quorate(['verify', keyId, '--proof', proof], { env })).code).toBe(0)
  })

  it('learns of a refresh before it says yes, says so, and approves nothing of the epoch that is over', async () => {
    const keyId = await makeKey()
    const elsewhere = join(folder, 'elsewhere')
    const old = await quorate(['sign', keyId, 'old', '--as', 'alice', '--no-wait', '--json'])
    const signingId = old.lines[0]!['signingId'] as string
    await cp(join(folder, 'home'), elsewhere, { recursive: true })
    expect((await quorate(['refresh', keyId, '--as', 'alice'])).code).toBe(0)
    const env = { ...environment(), QUORATE_HOME: elsewhere }
    const approved = await quorate(['approve', signingId, '-y', '--as', 'bob'], { env })
    expect(approved).toMatchObject({ code: 1 })
    expect(approved.err).toContain('epoch 0 is over')
    expect(approved.err).toContain('epoch.stale')
    expect((await quorate(['key', keyId], { env })).out).toContain('epoch 1')
    expect(gateway.asked.filter(({ route }) => route === 'approveSigning')).toEqual([])
    expect(await quorate(['approve', signingId, '--reject', '--as', 'bob'], { env })).toMatchObject({ code: 0 })
  })

  it('has two participants ask for a refresh, by way of a file', async () => {
    const keyId = await makeKey()
    const file = join(folder, 'wish.json')
    const drafted = await quorate(['refresh', keyId, '--draft', file, '--as', 'alice', '--json'])
    expect(drafted).toMatchObject({ code: 0, lines: [{ event: 'drafted' }] })
    expect(await quorate(['refresh', keyId, '--second', file, '--as', 'alice'])).toMatchObject({ code: 1 })
    const seconded = await quorate(['refresh', keyId, '--second', file, '--as', 'bob', '--json'])
    expect(seconded).toMatchObject({ code: 0, lines: [{ event: 'seconded' }] })
    const asked = await quorate(['refresh', keyId, '--request', file, '--as', 'alice', '--json'])
    expect(asked).toMatchObject({ code: 0, lines: [{ event: 'refreshed', epoch: 1 }] })
    const [request] = gateway.asked.filter(({ route }) => route === 'requestRefresh')
    expect(request!.body).toMatchObject({ body: { asker: 1 }, seconded: { body: { index: 2 } } })
    await writeFile(file, '{}')
    expect(await quorate(['refresh', keyId, '--request', file, '--as', 'alice'])).toMatchObject({ code: 2 })
  })

  it.each([
    ['sign', (keyId: string) => ['sign', keyId, 'new', '--as', 'bob', '--no-wait']],
    ['refresh', (keyId: string) => ['refresh', keyId, '--as', 'bob']],
    ['approve --wait', () => ['approve', '--wait', '-y', '--as', 'bob', '--timeout', '60s']],
  ])('brings the key up to date before %s', async (name, line) => {
    const keyId = await makeKey()
    const elsewhere = join(folder, 'elsewhere')
    await cp(join(folder, 'home'), elsewhere, { recursive: true })
    await quorate(['refresh', keyId, '--as', 'alice'])
    if (name === 'approve --wait') await quorate(['sign', keyId, 'x', '--as', 'alice', '--no-wait'])
    const ran = await quorate(line(keyId), { env: { ...environment(), QUORATE_HOME: elsewhere } })
    expect(ran).toMatchObject({ code: 0 })
    expect(ran.err).toContain('epoch 0 is over')
  })

  it('shows a key under all its names', async () => {
    const keyId = await makeKey('--content', 'nostr-event')
    const { lines } = await quorate(['key', keyId, '--json'])
    const { groupKey, npub, taproot } = lines[0] as Record<string, string>
    expect(nip19.decode(npub as 'npub1')).toEqual({ type: 'npub', data: groupKey })
    expect(taproot).toMatch(/^[0-9a-f]{64}$/)
    expect((await quorate(['key'])).out).toContain(groupKey)
    expect(await quorate(['key', 'ffff'])).toMatchObject({ code: 2 })
  })

  it('keeps seeds and keys for their owner alone', async () => {
    await makeKey()
    const home = join(folder, 'home')
    for (const kind of await readdir(home)) {
      expect((await stat(join(home, kind))).mode & 0o777).toBe(0o700)
      for (const file of await readdir(join(home, kind)))
        expect((await stat(join(home, kind, file))).mode & 0o777, file).toBe(0o600)
    }
    expect(await readdir(join(home, 'seeds'))).toHaveLength(3)
  })

  it('goes on after an interruption, with the consent it had begun with', async () => {
    const begun = await quorate([
      'keygen',
      '-t',
      '2',
      'alice',
      'bob',
      '--as',
      'alice',
      '--no-wait',
      '--json',
      '--standing',
      'bob',
    ])
    const [{ keyId, invitations }] = begun.lines as [Line & { invitations: { link: string }[] }]
    expect((await quorate(['status', keyId!, '--as', 'alice'])).out).toContain('not registered yet')
    await quorate([
      'participate',
      invitations[0]!.link,
      '--as',
      'bob',
      '--timeout',
      '60s',
      '--home',
      join(folder, 'bob'),
    ])
    const ended = await quorate(['status', keyId!, '--as', 'alice', '--json'])
    expect(ended).toMatchObject({ code: 0, lines: [{ state: 'completed' }, { event: 'completed' }] })
  })

  it('keeps what it has of a key when somebody invites to another of its id', async () => {
    const keyId = await makeKey()
    const [joining, key] = [`joining/${keyId}.bob.json`, `keys/${keyId}.json`].map((file) => join(folder, 'home', file))
    const kept = await readFile(joining!, 'utf8')
    const { invitation } = JSON.parse(kept) as { invitation: Invitation }
    const other = encodeInvitation({ ...invitation, skeletonDigest: 'ff'.repeat(32) as never })
    const participate = () => quorate(['participate', other, '--as', 'bob', '--no-wait', '--json'])
    const refused = { code: 3, lines: [{ event: 'error', code: 'keygen.skeleton_mismatch', by: 'client' }] }
    expect(await participate()).toMatchObject(refused)
    await rm(key!)
    expect(await participate()).toMatchObject(refused)
    expect(await readFile(joining!, 'utf8')).toBe(kept)
  })

  it('lets an enclave hold a quorum only for who says so, each for themselves, also after an interruption', async () => {
    const wish = ['keygen', '-t', '2', 'a', 'b', 'c', 'd', '--as', 'a', '--no-wait', '--json']
    const crowded = { code: 1, lines: [{ event: 'error', code: 'keygen.crowded', by: 'client' }] }
    expect(await quorate(wish)).toMatchObject(crowded)
    const [{ keyId, invitations }] = (await quorate([...wish, '--shares-per-enclave', '2'])).lines as [
      Line & { invitations: { link: string }[] },
    ]
    const join = ['participate', invitations[0]!.link, '--as', 'b', '--no-wait', '--json']
    expect(await quorate(join)).toMatchObject(crowded)
    expect(await quorate([...join, '--shares-per-enclave', '0'])).toMatchObject({ code: 2 })
    expect(await quorate([...join, '--shares-per-enclave', '2'])).toMatchObject({ code: 0 })
    expect(await quorate(['status', keyId!, '--as', 'b'])).toMatchObject({ code: 0 })
  })

  it('ends with 4 when the time is over, with 3 on a lie, with 1 on a refusal, and names codes in JSON', async () => {
    const keyId = await makeKey()
    const late = await quorate(['sign', keyId, 'x', '--as', 'alice', '--timeout', '50ms', '--json'])
    expect(late).toMatchObject({ code: 4, lines: [{ event: 'error', code: 'wait.timeout' }] })
    gateway.faults.push(() => ({ problem: 'key.not_found' }))
    const refused = await quorate(['sign', keyId, 'x', '--as', 'alice', '--json'])
    expect(refused).toMatchObject({ code: 1, lines: [{ event: 'error', code: 'key.not_found', by: 'gateway' }] })
    gateway.lies.requestSigning = (honest: RouteReply<'requestSigning'>) => ({ ...honest, signingId: '00'.repeat(16) })
    const lied = await quorate(['sign', keyId, 'x', '--as', 'alice'])
    expect(lied.code).toBe(3)
    expect(lied.err).toContain('reply.mismatch')
  })

  it('takes a newcomer on a tour, or says how to get one', async () => {
    const toured = await quorate(['demo', '--json'])
    expect(toured).toMatchObject({ code: 0, lines: [{ verified: true }] })
    expect((await quorate(['demo'], { env: {} })).out).toContain('make demo')
  })
})
