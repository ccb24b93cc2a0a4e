import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { MeasuredConfiguration } from '../src/enclave/configuration.ts'
import { parseLaunch } from '../src/enclave/launch.ts'
import type { Command } from '../src/fleet/child.ts'
import { createCrew } from '../src/fleet/crew.ts'
import { keepConfiguration } from '../src/fleet/enclave-configuration.ts'
import type { FleetEvent } from '../src/fleet/events.ts'
import { lockState } from '../src/fleet/lock.ts'
import { openStateFolder } from '../src/fleet/state-folder.ts'
import { arnOf, developmentKeyId } from '../src/kms/key-store.ts'
import { loadOrCreateTls } from '../src/nsm/tls.ts'
import { noticed, until } from '../../../shared/test/noticing.js'
import { pollUntil } from '../../../shared/test/poll.js'

const folder = mkdtempSync(join(tmpdir(), 'quorate-parts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => void vi.useRealTimers())

const command = (name: string, script: string, probe: Command['probe']): Command => ({
  ...{ name, executable: '/bin/sh', args: ['-c', script], env: {}, leash: false, probe },
  log: join(folder, `${name}.log`),
})
const always = () => Promise.resolve(true)
const never = () => Promise.resolve(false)

describe('a crew', () => {
  it('starts what ends again, each time a little later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const events: FleetEvent[] = []
    const crew = createCrew((event) => {
      events.push(event)
      noticed()
    })
    const delays = () => events.flatMap((event) => (event.type === 'exited' ? [event.restartIn] : []))
    const started = () => events.filter(({ type }) => type === 'started').length
    await crew.start([command('short', 'exit 0', always)])
    for (const [n, delay] of [100, 200, 400].entries()) {
      await until(() => delays().length === n + 1, 'its end')
      expect(delays()[n]).toBe(delay)
      vi.advanceTimersByTime(delay - 1)
      expect(started()).toBe(n + 1)
      if (n < 2) vi.advanceTimersByTime(1)
    }
    await crew.stop()
    vi.advanceTimersByTime(60_000)
    expect(started()).toBe(3)
  })

  it('gives up, with the end of the log, on what cannot start', async () => {
    const crew = createCrew(() => undefined)
    const broken = command('broken', 'echo no such luck; exit 3', never)
    await expect(crew.start([broken])).rejects.toThrow(/broken ends whenever it is started:\n.*no such luck/s)
    await crew.stop()
  })

  it('gives up on an executable that is not there', async () => {
    const crew = createCrew(() => undefined)
    const missing = { ...command('missing', '', never), executable: join(folder, 'nothing-here') }
    await expect(crew.start([missing])).rejects.toThrow(/missing ends whenever it is started/)
    await crew.stop()
  })

  it('reaches what its members have forked', async () => {
    const crew = createCrew(() => undefined)
    const pid = join(folder, 'forked.pid')
    const isWritten = () => Promise.resolve(existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n'))
    await crew.start([command('forks', `sleep 60 & echo $! > ${pid}; wait`, isWritten)])
    const forked = Number(readFileSync(pid, 'utf8'))
    expect(process.kill(forked, 0)).toBe(true)
    await crew.stop()
    // A zombie that nobody has collected yet still has a pid: what counts is that it does not run.
    const state = () => {
      const path = `/proc/${forked}/stat`
      return existsSync(path) ? readFileSync(path, 'utf8').split(' ')[2] : 'gone'
    }
    await pollUntil(() => ['Z', 'gone'].includes(state() ?? ''))
  })

  it('says which names there are when asked for another', () => {
    expect(() => createCrew(() => undefined).pidOf('enclave-7')).toThrow(/there is no enclave-7/)
  })
})

describe('a state folder', () => {
  it('keeps sockets where their paths fit, however deep it is', async () => {
    const deep = openStateFolder(join(folder, 'd'.repeat(60), 'e'.repeat(60)))
    const socket = join(deep.sockets, 'nsm-enclave-99.sock')
    expect(Buffer.byteLength(socket)).toBeLessThan(104)
    const server = createServer()
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve))
    server.close()
    deep.tidy()
    expect(existsSync(deep.sockets)).toBe(false)
  })

  it('belongs to one fleet at a time, and outlives one that was killed', () => {
    const { root } = openStateFolder(join(folder, 'locked'))
    const release = lockState(root)
    expect(() => lockState(root)).toThrow(/a fleet runs on/)
    release()
    writeFileSync(join(root, 'fleet.pid'), '4194304')
    lockState(root)()
    expect(existsSync(join(root, 'fleet.pid'))).toBe(false)
  })
})

describe('an enclave at launch', () => {
  const args = ['--id', 'enclave-0', '--listen', 'unix:/s', '--nsm', '/n', '--configuration', '/c']

  it('takes exactly the parameters that change nothing of what it does', () => {
    expect(parseLaunch(args)).toEqual({
      ...{ enclaveId: 'enclave-0', listen: { kind: 'unix', path: '/s' }, nsmSocket: '/n', configuration: '/c' },
    })
    expect(() => parseLaunch([...args, '--kms', 'http://elsewhere'])).toThrow()
    expect(() => parseLaunch(args.slice(2))).toThrow(/usage/)
  })

  it('takes no configuration with anything more or less in it', () => {
    const kms = { endpoint: 'https://localhost:1', keyArn: 'arn:aws:kms:x', region: 'x', authorities: ['a'] }
    const plain = { ...kms, endpoint: 'http://localhost:1' }
    expect(MeasuredConfiguration.safeParse({ roots: ['r'], kms }).success).toBe(true)
    expect(MeasuredConfiguration.safeParse({ roots: ['r'], kms: plain }).success).toBe(false)
    expect(MeasuredConfiguration.safeParse({ roots: ['r'], kms: { ...kms, authorities: [] } }).success).toBe(false)
    expect(MeasuredConfiguration.safeParse({ roots: [], kms }).success).toBe(false)
    expect(MeasuredConfiguration.safeParse({ roots: ['r'], kms, debug: true }).success).toBe(false)
  })
})

describe('the measured configuration of a state folder', () => {
  it('stays as it was made, octet by octet, while it fits the folder', async () => {
    const path = join(folder, 'enclave.json')
    const made = await keepConfiguration(path, { root: 'r', kmsAuthority: 'a' })
    const text = readFileSync(path, 'utf8')
    expect(await keepConfiguration(path, { root: 'r', kmsAuthority: 'a' })).toEqual(made)
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(await keepConfiguration(path, { root: 'r', kmsAuthority: 'b' })).toEqual({
      ...made,
      kms: { ...made.kms, authorities: ['b'] },
    })
  })

  it('is refused, and stays, when an older release wrote it that spoke plain HTTP', async () => {
    const path = join(folder, 'old.json')
    const kms = { endpoint: 'http://127.0.0.1:23456', keyArn: arnOf(developmentKeyId), region: 'local-1' }
    const text = JSON.stringify({ roots: ['r'], kms }, null, 2)
    writeFileSync(path, text)
    await expect(keepConfiguration(path, { root: 'r', kmsAuthority: 'a' })).rejects.toThrow(`rm -r ${folder}`)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})

describe('the TLS identity of the KMS stand-in', () => {
  it('is made once for a folder, for the loopback and nothing else, under an authority whose key nobody has', async () => {
    const { authority, server } = await loadOrCreateTls(folder)
    expect(await loadOrCreateTls(folder)).toEqual({ authority, server })
    const [root, leaf] = [new X509Certificate(authority), new X509Certificate(server.cert)]
    expect([root.ca, leaf.ca, leaf.verify(root.publicKey), leaf.checkIssued(root)]).toEqual([true, false, true, true])
    expect([leaf.checkHost('localhost'), leaf.checkIP('127.0.0.1')]).toEqual(['localhost', '127.0.0.1'])
    expect([leaf.checkHost('kms.example'), leaf.checkIP('127.0.0.2')]).toEqual([undefined, undefined])
    expect(readFileSync(join(folder, 'tls.json'), 'utf8').match(/PRIVATE KEY-----\\n/g)).toHaveLength(2)
    expect(root.checkPrivateKey(createPrivateKey(server.key))).toBe(false)
    expect(statSync(join(folder, 'tls.json')).mode & 0o777).toBe(0o600)
  })
})
