import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '@quorate/shared/errors'
import { encodeFrame } from '@quorate/shared/wire/frame'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { afterEach, describe, expect, it } from 'vitest'
import type { EnclaveEvent, Enclaves } from '../../src/enclaves/enclaves.ts'
import { createEnclaves } from '../../src/enclaves/pool.ts'
import type { Timing } from '../../src/enclaves/timing.ts'
import { identityOf, replyFrame, startFakeEnclave, type FakeEnclave, sealing } from './fake-enclave.ts'
import { memoryRoots, recordedEvents, until } from './recording.ts'

const quick: Partial<Timing> = {
  connectMs: 300,
  healthEveryMs: 40,
  healthMs: 200,
  callMs: 1_000,
  backOff: { first: 5, longest: 40 },
  unlockBackOff: { first: 5, longest: 40 },
}
const nonce = '0'.repeat(64)
const opened: { close(): Promise<void> }[] = []

async function fleet(names: string[], timing: Partial<Timing> = {}) {
  const fakes = await Promise.all(names.map(startFakeEnclave))
  const roots = memoryRoots()
  const events = recordedEvents()
  const addresses = new Map(fakes.map((fake) => [fake.id, fake.address]))
  const enclaves = createEnclaves({ addresses, roots, events, timing: { ...quick, ...timing } })
  const told: EnclaveEvent[] = []
  enclaves.subscribe((event) => told.push(event))
  opened.push({
    close: () => enclaves.close().then(() => Promise.all(fakes.map((f) => f.stop())).then(() => undefined)),
  })
  return { fakes, roots, events, enclaves, told }
}

const one = async (timing: Partial<Timing> = {}) => {
  const { fakes, ...rest } = await fleet(['a'], timing)
  const fake = fakes[0]!
  await until(() => rest.enclaves.status(fake.id).state === 'ready', 'ready')
  return { fake, ...rest }
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
    return 'resolved'
  } catch (reason) {
    return reason instanceof Refusal ? reason.code : String(reason)
  }
}
const ask = (enclaves: Enclaves, fake: FakeEnclave, ms?: number) => enclaves.call(fake.id, 'attest', { nonce }, ms)

afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close()
})

describe('becoming ready', () => {
  it('keeps a new root before the enclave counts as ready', async () => {
    const { fakes, roots, enclaves } = await fleet(['a'])
    let release = () => {}
    const save = roots.saveEnclaveRoot.bind(roots)
    roots.saveEnclaveRoot = async (id, root) => {
      await new Promise<void>((resolve) => (release = resolve))
      await save(id, root)
    }
    await until(() => fakes[0]!.calls.some((call) => call.method === 'boot'), 'boot')
    await sleep(60)
    expect(enclaves.status(fakes[0]!.id).state).toBe('locked')
    expect(await codeOf(ask(enclaves, fakes[0]!))).toBe('enclave.locked')
    release()
    await until(() => enclaves.status(fakes[0]!.id).state === 'ready')
    expect(roots.kept.get('a')).toEqual({ identity: identityOf('a'), sealedRoot: 'c2VhbGVk' })
    expect(fakes[0]!.calls.filter((call) => call.method === 'boot')).toHaveLength(1)
  })

  it('tells what each enclave said of its key service, and keeps it while the enclave is away', async () => {
    const { fake, enclaves } = await one()
    expect(enclaves.status(fake.id).sealing).toEqual(sealing)
    await fake.stop()
    await until(() => enclaves.status(fake.id).state === 'down')
    expect(enclaves.status(fake.id).sealing).toEqual(sealing)
    await fake.start()
  })

  it('boots a restarted enclave with the stored root and says that it restarted', async () => {
    const { fake, enclaves, told } = await one()
    fake.calls.length = 0
    await fake.restart()
    await until(() => told.filter((event) => event.type === 'ready').length === 2, 'ready again')
    expect(told.map((event) => event.type).filter((type) => type !== 'down')).toEqual(['ready', 'restarted', 'ready'])
    expect(fake.calls.find((call) => call.method === 'boot')?.params).toEqual({ sealedRoot: 'c2VhbGVk' })
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('asks an enclave that is open already for the form of its root that is to be kept', async () => {
    const { fake, roots, events } = await one()
    fake.calls.length = 0
    const second = createEnclaves({ addresses: new Map([[fake.id, fake.address]]), roots, events, timing: quick })
    opened.unshift(second)
    await until(() => second.status(fake.id).state === 'ready')
    expect(fake.calls.find((call) => call.method === 'boot')?.params).toEqual({ sealedRoot: 'c2VhbGVk' })
    expect(roots.kept.get('a')).toEqual({ identity: identityOf('a'), sealedRoot: 'c2VhbGVk' })
  })

  it('never uses an enclave whose identity differs from the stored one, and keeps the stored root', async () => {
    const { fake, enclaves, events, roots } = await one()
    fake.identity = identityOf('a', '2')
    await fake.restart()
    await until(() => events.seen.includes('identity changed a'), 'the loud line')
    await sleep(60)
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(roots.kept.get('a')?.identity).toEqual(identityOf('a'))
  })

  it('never uses an enclave that answers under the name of another', async () => {
    const fake = await startFakeEnclave('a')
    fake.identity = identityOf('b')
    const roots = memoryRoots()
    const events = recordedEvents()
    const enclaves = createEnclaves({ addresses: new Map([[fake.id, fake.address]]), roots, events, timing: quick })
    opened.push(enclaves, { close: () => fake.stop() })
    await until(() => events.seen.includes('identity changed a'))
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(roots.kept.size).toBe(0)
  })

  it('notices another identity under the same boot', async () => {
    const { fake, enclaves, events, told } = await one()
    fake.identity = identityOf('a', '3')
    await until(() => events.seen.includes('identity changed a'))
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(told.at(-1)?.type).toBe('down')
  })

  it('is not ready on a root that nobody keeps', async () => {
    const fake = await startFakeEnclave('a')
    const events = recordedEvents()
    fake.on['boot'] = () => ({ result: { identity: fake.identity, sealedRoot: null } })
    const enclaves = createEnclaves({
      addresses: new Map([[fake.id, fake.address]]),
      roots: memoryRoots(),
      events,
      timing: quick,
    })
    opened.push(enclaves, { close: () => fake.stop() })
    await until(() => events.seen.includes('not ready a root.invalid'))
    expect(enclaves.status(fake.id).state).toBe('locked')
  })

  it('tries again when the KMS was away, and says so once', async () => {
    const fake = await startFakeEnclave('a')
    const { boot } = fake.on
    fake.on['boot'] = () => ({ refusal: { code: 'kms.unavailable', culprits: [] } })
    const events = recordedEvents()
    const addresses = new Map([[fake.id, fake.address]])
    const enclaves = createEnclaves({ addresses, roots: memoryRoots(), events, timing: quick })
    opened.push(enclaves, { close: () => fake.stop() })
    await until(() => fake.calls.filter((call) => call.method === 'boot').length > 2)
    fake.on['boot'] = boot!
    await until(() => enclaves.status(fake.id).state === 'ready')
    expect(events.seen).toEqual(['not ready a kms.unavailable', 'ready a'])
  })

  const refusing = async (timing: Partial<Timing>) => {
    const fake = await startFakeEnclave('a')
    const boot = fake.on['boot']!
    const asked: number[] = []
    fake.on['boot'] = () => {
      asked.push(performance.now())
      return { refusal: { code: 'kms.throttled', culprits: [] } }
    }
    const addresses = new Map([[fake.id, fake.address]])
    const ports = { addresses, roots: memoryRoots(), events: recordedEvents() }
    const enclaves = createEnclaves({ ...ports, timing: { ...quick, healthEveryMs: 10, ...timing } })
    opened.push(enclaves, { close: () => fake.stop() })
    return { fake, boot, asked, enclaves }
  }

  it('asks with growing pauses while it is refused, all connections together', async () => {
    const { asked } = await refusing({ unlockBackOff: { first: 60, longest: 60_000 } })
    await until(() => asked.length === 4)
    const pauses = asked.slice(1).map((at, n) => at - asked[n]!)
    for (const [n, shortest] of [30, 60, 120].entries()) expect(pauses[n]).toBeGreaterThan(shortest - 2)
  })

  it('asks at once after a restart, however long the pause was', async () => {
    const { fake, boot, asked, enclaves } = await refusing({ unlockBackOff: { first: 600_000, longest: 600_000 } })
    await until(() => asked.length === 1)
    fake.on['boot'] = boot
    await fake.restart()
    await until(() => enclaves.status(fake.id).state === 'ready')
    expect(asked).toHaveLength(1)
  })
})

describe('calls', () => {
  it('carries many at once over few connections, whatever the order of the answers', async () => {
    const { fake, enclaves } = await one()
    const waiting: (() => void)[] = []
    fake.on['attest'] = async ({ params }) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return { result: { identity: fake.identity, document: String(params['nonce']).slice(-4) } }
    }
    const nonces = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(64, '0'))
    const answers = Promise.all(nonces.map((n) => enclaves.call(fake.id, 'attest', { nonce: n })))
    await until(() => waiting.length === 100)
    for (const resolve of waiting.reverse()) resolve()
    expect((await answers).map(({ document }) => document)).toEqual(nonces.map((n) => n.slice(-4)))
    expect(fake.sockets.size).toBe(2)
  })

  it('passes on what the enclave refused with, and its culprits', async () => {
    const { fake, enclaves } = await one()
    fake.on['attest'] = () => ({ refusal: { code: 'keygen.bad_package', culprits: [2, 3] } })
    await expect(ask(enclaves, fake)).rejects.toMatchObject({ code: 'keygen.bad_package', culprits: [2, 3] })
  })

  it.each(['request.unauthorized', 'internal', 'store.failed', 'no.such.code', '__proto__', 'constructor'])(
    'does not let an enclave speak in the name of the gateway: %s',
    async (code) => {
      const { fake, enclaves } = await one()
      fake.on['attest'] = () => ({ refusal: { code, culprits: [] } })
      expect(await codeOf(ask(enclaves, fake))).toBe('enclave.failed')
    },
  )

  it('takes no answer that does not fit the schema of the method', async () => {
    const { fake, enclaves } = await one()
    for (const result of [{}, null, { identity: fake.identity, document: '!' }, { nonce }]) {
      fake.on['attest'] = () => ({ result })
      expect(await codeOf(ask(enclaves, fake))).toBe('enclave.failed')
    }
  })

  it('takes no answer that is not CBOR, and serves on', async () => {
    const { fake, enclaves } = await one()
    const { attest } = fake.on
    fake.on['attest'] = ({ id, socket }) => {
      socket.write(encodeFrame({ id, deadline: 0, body: Uint8Array.of(0xff, 0xff) }))
      return null
    }
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.failed')
    fake.on['attest'] = attest!
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('ends by its deadline, tells the enclave that deadline, and ignores what comes later', async () => {
    const { fake, enclaves } = await one()
    const { attest } = fake.on
    let late = () => {}
    fake.on['attest'] = ({ id, socket }) => {
      late = () => void socket.write(replyFrame(id, { result: { identity: fake.identity, document: 'bGF0ZQ' } }))
      return null
    }
    const begun = performance.now()
    expect(await codeOf(ask(enclaves, fake, 80))).toBe('enclave.timeout')
    expect(performance.now() - begun).toBeLessThan(900)
    expect(fake.calls.find(({ method }) => method === 'attest')?.deadline).toBeLessThanOrEqual(80)
    fake.on['attest'] = attest!
    late()
    const next = await ask(enclaves, fake)
    expect(next.document).toBe('ZG9j')
  })

  it('ignores answers to ids that nobody asked for or that are answered already', async () => {
    const { fake, enclaves } = await one({ connectionsPerEnclave: 1 })
    fake.on['attest'] = ({ id, socket }) => {
      const answer = (document: string) => ({ result: { identity: fake.identity, document } })
      for (const stranger of [id + 1, id + 1000, 0xffffffff]) socket.write(replyFrame(stranger, answer('d3Jvbmc')))
      socket.write(replyFrame(id, answer('cmlnaHQ')))
      socket.write(replyFrame(id, answer('dHdpY2U')))
      return null
    }
    expect((await ask(enclaves, fake)).document).toBe('cmlnaHQ')
    expect((await ask(enclaves, fake)).document).toBe('cmlnaHQ')
  })

  it('never lets an answer on one enclave end a call to another', async () => {
    const { fakes, enclaves } = await fleet(['a', 'b'], { connectionsPerEnclave: 1 })
    const [a, b] = fakes as [FakeEnclave, FakeEnclave]
    await until(() => fakes.every((fake) => enclaves.status(fake.id).state === 'ready'))
    a.on['attest'] = () => null
    b.on['attest'] = ({ socket }) => {
      for (let id = 0; id < 200; id += 1)
        socket.write(replyFrame(id, { result: { identity: b.identity, document: 'ZnJvbWI' } }))
      return null
    }
    const [toA, toB] = await Promise.allSettled([ask(enclaves, a, 150), ask(enclaves, b, 150)])
    expect(toA).toMatchObject({ status: 'rejected', reason: { code: 'enclave.timeout' } })
    expect(toB).toMatchObject({ status: 'fulfilled', value: { document: 'ZnJvbWI' } })
  })

  it('refuses an enclave that it does not know', async () => {
    const { enclaves } = await one()
    expect(await codeOf(enclaves.call(EnclaveId.parse('nobody'), 'challenge', {}))).toBe('enclave.unreachable')
    expect(enclaves.status(EnclaveId.parse('nobody'))).toEqual({ state: 'down', identity: null, sealing: null })
  })
})

describe('hostile streams', () => {
  const raw = (fake: FakeEnclave, bytes: Uint8Array) => {
    fake.on['attest'] = ({ socket }) => {
      socket.write(bytes)
      return null
    }
  }

  it.each([0, 7, 0xffffffff, (1 << 20) + 9])('drops the stream at a length of %d and comes back', async (length) => {
    const { fake, enclaves } = await one()
    const { attest } = fake.on
    const header = new Uint8Array(12)
    new DataView(header.buffer).setUint32(0, length)
    raw(fake, header)
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.unreachable')
    fake.on['attest'] = attest!
    await until(() => fake.sockets.size === 2 && enclaves.status(fake.id).state === 'ready')
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('understands a peer that sends byte by byte', async () => {
    const { fake, enclaves } = await one({ healthEveryMs: 60_000 })
    fake.on['attest'] = async ({ id, socket }) => {
      socket.setNoDelay(true)
      for (const byte of replyFrame(id, { result: { identity: fake.identity, document: 'c2xvdw' } })) {
        socket.write(Uint8Array.of(byte))
        await sleep(0)
      }
      return null
    }
    expect((await ask(enclaves, fake)).document).toBe('c2xvdw')
  })

  it('understands two frames in one read', async () => {
    const { fake, enclaves } = await one({ connectionsPerEnclave: 1 })
    const ids: number[] = []
    fake.on['attest'] = ({ id, socket }) => {
      ids.push(id)
      if (ids.length === 2)
        socket.write(
          Buffer.concat(ids.map((n) => replyFrame(n, { result: { identity: fake.identity, document: 'YmF0Y2g' } }))),
        )
      return null
    }
    const both = await Promise.all([ask(enclaves, fake), ask(enclaves, fake)])
    expect(both.map(({ document }) => document)).toEqual(['YmF0Y2g', 'YmF0Y2g'])
  })

  it('ends the calls of a stream that is reset in mid-call, at once', async () => {
    const { fake, enclaves } = await one()
    fake.on['attest'] = ({ socket }) => {
      socket.resetAndDestroy()
      return null
    }
    const begun = performance.now()
    expect(await codeOf(ask(enclaves, fake, 5_000))).toBe('enclave.unreachable')
    expect(performance.now() - begun).toBeLessThan(1_500)
  })

  it('waits no longer than it should for an enclave that accepts and says nothing', async () => {
    const silent: Server = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const port = (silent.address() as { port: number }).port
    const id = EnclaveId.parse('mute')
    const enclaves = createEnclaves({
      addresses: new Map([[id, { kind: 'tcp', host: '127.0.0.1', port }]]),
      roots: memoryRoots(),
      events: recordedEvents(),
      timing: quick,
    })
    await sleep(100)
    expect(enclaves.status(id).state).toBe('down')
    expect(await codeOf(enclaves.call(id, 'challenge', {}))).toBe('enclave.unreachable')
    const begun = performance.now()
    await enclaves.close()
    expect(performance.now() - begun).toBeLessThan(1_500)
    silent.close()
  })
})

describe('one bad enclave', () => {
  it('that is stuck harms nobody else and is refused once it holds enough', async () => {
    const { fakes, enclaves } = await fleet(['a', 'b'], { inFlightPerEnclave: 20, healthMs: 5_000 })
    const [stuck, well] = fakes as [FakeEnclave, FakeEnclave]
    await until(() => fakes.every((fake) => enclaves.status(fake.id).state === 'ready'))
    stuck.on = {}
    let ended = 0
    const held = Array.from({ length: 20 }, () => codeOf(ask(enclaves, stuck, 1_000)).finally(() => (ended += 1)))
    expect(await codeOf(ask(enclaves, stuck))).toBe('enclave.busy')
    const served = await Promise.all(Array.from({ length: 20 }, () => codeOf(ask(enclaves, well))))
    expect(served).toEqual(Array(20).fill('resolved'))
    expect(ended).toBe(0)
    expect(await Promise.all(held)).toEqual(Array(20).fill('enclave.timeout'))
  })

  it('takes calls again after those that it let time out', async () => {
    const { fake, enclaves } = await one({ inFlightPerEnclave: 2, healthEveryMs: 60_000 })
    const { attest } = fake.on
    delete fake.on['attest']
    for (let n = 0; n < 4; n += 1) expect(await codeOf(ask(enclaves, fake, 20))).toBe('enclave.timeout')
    fake.on['attest'] = attest!
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('that no longer answers hello goes down, and its calls end before their deadlines', async () => {
    const { fake, enclaves, told } = await one()
    fake.on = {}
    expect(await codeOf(ask(enclaves, fake, 5_000))).toBe('enclave.unreachable')
    await until(() => enclaves.status(fake.id).state === 'down')
    expect(told.at(-1)).toEqual({ type: 'down', enclaveId: fake.id })
    expect(enclaves.status(fake.id).identity).toEqual(fake.identity)
  })

  it('that says locked has restarted unheard: it is asked anew and used again', async () => {
    const { fake, enclaves, told } = await one({ healthEveryMs: 60_000 })
    const { attest } = fake.on
    fake.on['attest'] = () => ({ refusal: { code: 'enclave.locked', culprits: [] } })
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.locked')
    fake.on['attest'] = attest!
    await until(() => told.map(({ type }) => type).join(' ') === 'ready down ready')
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })
})

describe('introductions', () => {
  const ready = async (names: string[]) => {
    const all = await fleet(names)
    await until(() => all.fakes.every((fake) => all.enclaves.status(fake.id).state === 'ready'))
    return { ...all, ids: all.fakes.map((fake) => fake.id) }
  }
  const introductions = (fakes: FakeEnclave[]) =>
    fakes.map((fake) => fake.calls.filter((call) => call.method === 'introduce').length)

  it('brings every pair together in both directions, once', async () => {
    const { fakes, enclaves, ids } = await ready(['a', 'b', 'c'])
    await Promise.all([enclaves.introduce(ids), enclaves.introduce(ids)])
    await enclaves.introduce(ids.slice(0, 2))
    expect(introductions(fakes)).toEqual([2, 2, 2])
    const said = fakes[0]!.calls.find((call) => call.method === 'introduce')?.params
    expect(said).toMatchObject({ nonce: '7'.padStart(64, '0'), peer: { document: 'ZG9j' } })
  })

  it('repeats those of an enclave that restarted, and no others', async () => {
    const { fakes, enclaves, ids, told } = await ready(['a', 'b', 'c'])
    await enclaves.introduce(ids)
    await fakes[0]!.restart()
    await until(() => told.filter((event) => event.type === 'ready').length === 4)
    await enclaves.introduce(ids)
    expect(introductions(fakes)).toEqual([4, 3, 3])
  })

  it('repeats those of an enclave that says peer.unknown', async () => {
    const { fakes, enclaves, ids } = await ready(['a', 'b'])
    await enclaves.introduce(ids)
    fakes[0]!.on['attest'] = () => ({ refusal: { code: 'peer.unknown', culprits: [] } })
    expect(await codeOf(ask(enclaves, fakes[0]!))).toBe('peer.unknown')
    fakes[0]!.on['attest'] = () => ({ result: { identity: fakes[0]!.identity, document: 'ZG9j' } })
    await enclaves.introduce(ids)
    expect(introductions(fakes)).toEqual([2, 1])
  })

  it('fails with what the verifier refused with, and tries again the next time', async () => {
    const { fakes, enclaves, ids } = await ready(['a', 'b'])
    const { introduce } = fakes[1]!.on
    fakes[1]!.on['introduce'] = () => ({ refusal: { code: 'attestation.invalid', culprits: [] } })
    expect(await codeOf(enclaves.introduce(ids))).toBe('attestation.invalid')
    fakes[1]!.on['introduce'] = introduce!
    expect(await codeOf(enclaves.introduce(ids))).toBe('resolved')
  })
})
