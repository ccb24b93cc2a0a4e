import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exportKey, importKey, type Signing } from '../src/index.ts'
import { openHome } from '../src/cli/home.ts'
import { environment, folder, home, inClear, runLine, withOwnHome, type Given, type Ran } from './command-line.ts'
import { keepKey } from './keep-key.ts'
import { fleet, gateway, sentTo } from './lying-gateway.ts'
import { makeKey } from './people.ts'

withOwnHome()

const quorate = (line: readonly string[], given: Given = {}, more: Record<string, string> = {}): Promise<Ran> =>
  runLine(line, { ...environment(), ...more }, given)

/** An address at which nobody listens. */
async function nobodysAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return `http://127.0.0.1:${port}`
}

/** The environment without a gateway: each key is asked for at its own. */
const atTheirOwn = () => ({ QUORATE_TRUST: environment().QUORATE_TRUST, QUORATE_HOME: home() })

/** A copy of a key that says it is at another gateway. */
async function keepElsewhere(address: string): Promise<string> {
  const { key } = await makeKey(fleet, gateway)
  await openHome(home(), inClear).saveKey(await importKey(exportKey(key).replaceAll(gateway.url, address)))
  return key.keyId
}

describe('what is of no use beside what is', () => {
  it('is named and passed over: a damaged file, a key without a share, a gateway that is away', async () => {
    const { alice, key } = await keepKey('bob')
    const { signingId } = await alice.requestSignature(key, 'hello')
    const others = await makeKey(fleet, gateway)
    await openHome(home(), inClear).saveKey(others.key)
    const away = await keepElsewhere(await nobodysAddress())
    await writeFile(join(home(), 'keys', `${'0'.repeat(32)}.json`), '{"CANARY"')

    const listed = await quorate(['key'])
    expect(listed).toMatchObject({ code: 0 })
    expect(listed.out).toContain(key.groupKey)
    expect(listed.err).toContain(`${'0'.repeat(32)} is passed over`)

    const waited = await runLine(['approve', '--wait', '-y', '--timeout', '60s', '--json'], atTheirOwn())
    const passed = waited.lines.filter(({ event }) => event === 'passed_over')
    expect(passed).toContainEqual(expect.objectContaining({ keyId: others.key.keyId, code: 'participant.unknown' }))
    expect(waited.lines.at(-1)).toMatchObject({ event: 'approved', signingId })

    const shown = await runLine(['status', signingId, '--as', 'bob'], atTheirOwn())
    expect(shown).toMatchObject({ code: 0 })
    expect(shown.out).toContain('hello')
    expect(shown.err).not.toContain('CANARY')
    const sought = await runLine(['status', 'ab'.repeat(16), '--as', 'bob', '--json'], atTheirOwn())
    expect(sought.lines).toContainEqual(
      expect.objectContaining({ event: 'passed_over', keyId: away, code: 'gateway.unavailable' }),
    )
    expect(sought.lines.at(-1)).toMatchObject({ event: 'error', code: 'gateway.unavailable' })
  }, 60_000)
})

describe('a proof that is to be written', () => {
  it('is asked for only where it can be', async () => {
    const { key } = await keepKey('alice')
    for (const out of [join(folder, 'nowhere', 'proof.json'), folder]) {
      const refused = await quorate(['sign', key.keyId, 'hello', '--out', out])
      expect(refused).toMatchObject({ code: 2 })
      expect(refused.err).toContain(out)
    }
    expect(gateway.asked.filter(({ route }) => route === 'requestSigning')).toEqual([])
  })

  it('is printed when its place is gone by then', async () => {
    const { bob, key } = await keepKey('alice')
    await mkdir(join(folder, 'out'))
    const asked = gateway.nextAsked('requestSigning')
    const signing = quorate(['sign', key.keyId, 'hello', '--out', join(folder, 'out', 'proof.json'), '--json'])
    await asked
    await rm(join(folder, 'out'), { recursive: true })
    const [pending] = await bob.pendingSignings(key, { wait: 5_000 })
    await bob.approve(pending!)
    const { code, lines } = await signing
    expect(code).toBe(1)
    expect(lines).toMatchObject([{ event: 'completed' }, { event: 'proof' }, { event: 'error' }])
    const file = join(folder, 'rescued.json')
    await writeFile(file, JSON.stringify(lines[1]!['proof']))
    expect(await quorate(['verify', key.keyId, '--proof', file])).toMatchObject({ code: 0 })
  })
})

describe('a word that comes when it is not needed', () => {
  it('is no error after the quorum, and is not said to have counted', async () => {
    const { alice, bob, key } = await keepKey('carol')
    const signing = await alice.requestSignature(key, 'hello')
    await bob.approve(await bob.signing(key, signing.signingId))
    const { code, lines } = await quorate(['approve', signing.signingId, '-y', '--as', 'carol', '--json'])
    expect(code).toBe(0)
    expect(lines).toMatchObject([{ event: 'not_needed', state: 'completed' }])
    expect(await quorate(['approve', signing.signingId, '--reject', '--as', 'carol'])).toMatchObject({ code: 1 })
  })

  it('is none either when the quorum is there before it is said', async () => {
    const { alice, bob, key } = await keepKey('carol')
    const signing = await alice.requestSignature(key, 'hello')
    let asked = false
    const warned: Given['warned'] = (err, type) => {
      if (asked || !err.includes('Sign this?')) return
      asked = true
      void bob.approve(signing).then(() => type('y\n'))
    }
    const said = await quorate(['approve', signing.signingId, '--as', 'carol'], { interactive: true, warned })
    expect(said).toMatchObject({ code: 0 })
    expect(said.out).toContain('signed already')
    expect(said.out).not.toContain('approved as')
  })
})

describe('the time that a command has', () => {
  it.each([
    ['fleet', () => ['fleet']],
    ['sign', (keyId: string) => ['sign', keyId, 'x']],
    ['update', (keyId: string) => ['update', keyId]],
    ['approve --wait', () => ['approve', '--wait']],
  ])('is kept by %s when the gateway is down', async (_, line) => {
    const { key } = await keepKey('alice')
    const started = performance.now()
    const away = { QUORATE_GATEWAY: await nobodysAddress() }
    const late = await quorate([...line(key.keyId), '--timeout', '300ms', '--json'], {}, away)
    expect(late).toMatchObject({ code: 4, lines: [{ event: 'error', code: 'wait.timeout' }] })
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})

/** Of a gateway that takes what it is sent, and does not answer. */
const never = () => new Promise(() => undefined)
const isLate = { code: 4, out: expect.stringContaining('"code":"wait.timeout"') as string }

describe('the time that a word has', () => {
  it.each([
    ['a request, at the proof of who reads', 'openSession', (keyId: string) => ['sign', keyId, 'x']],
    ['a request', 'requestSigning', (keyId: string) => ['sign', keyId, 'x', '--no-wait']],
    [
      'a request of two keys',
      'requestSignings',
      (keyId: string, other: string) => ['sign', `${keyId},${other}`, 'x', '--no-wait'],
    ],
    ['a reservation', 'reserveKeygen', () => ['keygen', '-t', '2', 'alice', 'bob']],
    ['a beginning', 'initKeygen', () => ['keygen', '-t', '2', 'alice', 'bob']],
    ['a registration', 'register', () => ['keygen', '-t', '2', 'alice', 'bob']],
    ['a refresh', 'requestRefresh', (keyId: string) => ['refresh', keyId]],
  ] as const)('is kept by %s', async (_, route, line) => {
    const { key } = await keepKey('alice')
    const other = (await keepKey('alice')).key
    gateway.lies[route] = never
    const late = await quorate([...line(key.keyId, other.keyId), '--timeout', '300ms', '--json'])
    expect(late).toMatchObject(isLate)
    expect(sentTo(route)).not.toEqual([])
  })

  it.each([
    ['a yes', 'approveSigning', ['approve', '-y']],
    ['a no', 'approveSigning', ['approve', '--reject']],
    ['a withdrawal', 'withdrawSigning', ['withdraw']],
  ] as const)('is kept by %s', async (_, route, [command, ...options]) => {
    const { alice, bob, key } = await keepKey('alice')
    const { signingId } = await (command === 'withdraw' ? alice : bob).requestSignature(key, 'x')
    gateway.lies[route] = never
    expect(await quorate([command, signingId, ...options, '--timeout', '500ms', '--json'])).toMatchObject(isLate)
    expect(sentTo(route)).not.toEqual([])
  })

  it('is kept by a yes that is said anew, since hosts have started again', async () => {
    const { bob, key } = await keepKey('alice')
    const { signingId } = await bob.requestSignature(key, 'x')
    gateway.lies.approveSigning = () => ({ problem: 'lives.stale' })
    let proofs = 0
    gateway.lies.openSession = (honest) => (proofs++ === 0 ? honest : never())
    expect(await quorate(['approve', signingId, '-y', '--timeout', '500ms', '--json'])).toMatchObject(isLate)
    expect(proofs).toBeGreaterThan(1)
  })
})

describe('status', () => {
  it('takes the beginning of a key, as sign does, made or in the making', async () => {
    const { key } = await keepKey('alice')
    expect((await quorate(['status', key.keyId.slice(0, 6)])).out).toContain(key.keyId)
    const begun = await quorate(['keygen', '-t', '2', 'alice', 'bob', '--no-wait', '--json'])
    const { keyId } = begun.lines[0]!
    expect((await quorate(['status', keyId!.slice(0, 6)])).out).toContain('not registered yet')
    expect(await quorate(['status', ''])).toMatchObject({ code: 2 })
  })

  it('is what a key is fetched by that was joined and not waited for, as other commands say', async () => {
    const begun = await quorate(['keygen', '-t', '2', 'alice', 'bob', '--as', 'alice', '--no-wait', '--json'])
    const beginning = begun.lines[0]!.keyId!.slice(0, 8)
    for (const line of [['pending'], ['sign', beginning, 'x'], ['approve', '--wait']])
      expect(await quorate(line)).toMatchObject({
        code: 2,
        err: expect.stringContaining(`\`quorate status ${beginning}\` fetches it`) as string,
      })
    expect((await quorate(['sign', 'none', 'x'])).err).toContain('`quorate key` lists the keys')
  })
})

/** The command as a process of its own. */
function start(...line: string[]) {
  const main = resolve(import.meta.dirname, '../src/cli/main.ts')
  const program = spawn(process.execPath, ['--conditions=source', main, ...line], {
    env: { ...environment(), PATH: process.env['PATH'] },
  })
  const said = { out: '', err: '' }
  program.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  program.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  return { program, said, ended: once(program, 'close').then(([code]) => code as number) }
}

describe('the process', () => {
  it('waits for who writes slowly into its standard input, as long as it has time', async () => {
    const { bob, key } = await keepKey('alice')
    const line = ['sign', key.keyId, '--file', '-', '--no-wait', '--json']
    const late = start(...line, '--timeout', '2s')
    late.program.stdin.on('error', () => undefined).write('hel')
    expect([await late.ended, late.said.out]).toEqual([4, expect.stringContaining('wait.timeout')])
    const { program: command, ended } = start(...line)
    command.stdin.write('hel')
    command.stdin.end('lo')
    expect(await ended).toBe(0)
    const [{ items }] = (await bob.pendingSignings(key)) as [Signing]
    expect(items).toMatchObject([{ content: { bytes: Buffer.from('hello').toString('hex') } }])
  })

  it('says on Ctrl-C what goes on, and how to go on', async () => {
    const { key } = await keepKey('alice')
    const { program: command, said, ended } = start('sign', key.keyId, 'hello')
    await gateway.nextAsked('getSigning', 'wait')
    command.kill('SIGINT')
    expect(await ended).toBe(130)
    expect(said.err).toMatch(/interrupted: signing [0-9a-f]{32} goes on until .*quorate status [0-9a-f]{32} --wait/)
  })

  it('is quiet when its reader has seen enough', async () => {
    const { program: command, said, ended } = start('--help')
    command.stdout.destroy()
    expect([await ended, said.err]).toEqual([0, ''])
  })
})

describe('an error that the gateway answered with', () => {
  it('says by which id its operator finds the request', async () => {
    const headers = { 'x-request-id': '0b9c5a4e-7d8f' }
    const refusal = () => ({ raw: '{}', status: 404, type: 'application/json', headers })
    gateway.faults.push(refusal, refusal)
    const { code, err } = await quorate(['fleet'])
    expect(code).toBe(1)
    expect(err).toContain("the gateway's operator finds it as request 0b9c5a4e-7d8f")
    const { lines } = await quorate(['fleet', '--json'])
    expect(lines.at(-1)).toMatchObject({ event: 'error', requestId: '0b9c5a4e-7d8f' })
  })
})
