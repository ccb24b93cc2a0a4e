import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Timing } from '../../src/hosts/enclaves/timing.ts'
import { turn, until } from '../../../shared/test/noticing.js'
import { sealing } from '../../../shared/party/test/host.js'
import { identityOf } from './fake-enclave.ts'
import { ask, callsOf, closeAll, codeOf, isReady, poolOf, readyOne, startFake, watchful } from './pool-of-fakes.ts'
import { memoryRoots } from './recording.ts'

afterEach(async () => {
  vi.useRealTimers()
  await closeAll()
})

describe('becoming ready', () => {
  it('keeps a new root before the enclave counts as ready', async () => {
    const fake = await startFake('a')
    const roots = memoryRoots()
    let release = () => {}
    const save = roots.saveEnclaveRoot.bind(roots)
    const asked = new Promise<void>((resolve) => {
      roots.saveEnclaveRoot = async (id, root) => {
        resolve()
        await new Promise<void>((go) => (release = go))
        await save(id, root)
      }
    })
    const { enclaves } = poolOf([fake], { connectionsPerEnclave: 1 }, roots)
    await asked
    // Whatever follows from the answer to boot alone has followed by then.
    await turn()
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(await codeOf(ask(enclaves, fake))).toBe('enclave.locked')
    release()
    await until(() => isReady(enclaves, fake))
    expect(roots.kept.get('a')).toEqual({ identity: fake.identity, sealedRoot: 'c2VhbGVk' })
    expect(callsOf(fake, 'boot')).toHaveLength(1)
  })

  it('tells what each enclave said of its key service, and keeps it while the enclave is away', async () => {
    const { fake, enclaves } = await readyOne()
    expect(enclaves.status(fake.id).sealing).toEqual(sealing)
    await fake.stop()
    await until(() => enclaves.status(fake.id).state === 'down')
    expect(enclaves.status(fake.id).sealing).toEqual(sealing)
    await fake.start()
  })

  it('boots a restarted enclave with the stored root and says that it restarted', async () => {
    const { fake, enclaves, told } = await readyOne()
    fake.calls.length = 0
    await fake.restart()
    await until(() => told.filter((event) => event.type === 'ready').length === 2, 'ready again')
    expect(told.map((event) => event.type).filter((type) => type !== 'down')).toEqual(['ready', 'restarted', 'ready'])
    expect(callsOf(fake, 'boot')[0]?.params).toEqual({ sealedRoot: 'c2VhbGVk' })
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
  })

  it('counts an enclave as retired while no manifest in force lists its image, and as ready again when one does', async () => {
    const { fake, enclaves, events, told } = await readyOne(watchful)
    fake.retired = true
    await until(() => enclaves.status(fake.id).state === 'retired', 'retired')
    expect(enclaves.status(fake.id).identity).toEqual(fake.identity)
    // The next manifest reaches it.
    expect(await codeOf(ask(enclaves, fake))).toBe('resolved')
    fake.retired = false
    await until(() => isReady(enclaves, fake), 'ready again')
    expect(told.map(({ type }) => type)).toEqual(['ready', 'retired', 'ready'])
    expect(events.seen).toEqual(['ready a', 'retired a', 'ready a'])
    expect(callsOf(fake, 'boot')).toHaveLength(1)
  })

  it('does not count an enclave as ready that is retired by the manifests that it is given with its root', async () => {
    const { fake, enclaves, told } = await readyOne()
    fake.retired = true
    await fake.restart()
    await until(() => enclaves.status(fake.id).state === 'retired', 'retired')
    expect(told.map(({ type }) => type).filter((type) => type !== 'down')).toEqual(['ready', 'restarted', 'retired'])
  })

  it('hears of it from a refusal before the next hello', async () => {
    const { fake, enclaves, told } = await readyOne()
    fake.on['attest'] = () => ({ refusal: { code: 'image.retired', culprits: [] } })
    expect(await codeOf(ask(enclaves, fake))).toBe('image.retired')
    expect(enclaves.status(fake.id).state).toBe('retired')
    expect(told.map(({ type }) => type)).toEqual(['ready', 'retired'])
  })

  it('asks an enclave that is open already for the form of its root that is to be kept', async () => {
    const { fake, roots } = await readyOne()
    fake.calls.length = 0
    const { enclaves: second } = poolOf([fake], {}, roots)
    await until(() => isReady(second, fake))
    expect(callsOf(fake, 'boot')[0]?.params).toEqual({ sealedRoot: 'c2VhbGVk' })
    expect(roots.kept.get('a')).toEqual({ identity: fake.identity, sealedRoot: 'c2VhbGVk' })
  })

  it('never uses an enclave whose identity differs from the stored one, and keeps the stored root', async () => {
    const { fake, enclaves, events, roots } = await readyOne(watchful)
    const { identity } = fake
    fake.identity = identityOf('a', '2')
    await fake.restart()
    const loud = () => events.seen.filter((line) => line === 'identity changed a').length
    await until(() => loud() >= 2, 'the loud line, again')
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(roots.kept.get('a')?.identity).toEqual(identity)
  })

  it('never uses an enclave that answers under the name of another', async () => {
    const fake = await startFake('a')
    fake.identity = identityOf('b')
    const { enclaves, events, roots } = poolOf([fake])
    await until(() => events.seen.includes('identity changed a'))
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(roots.kept.size).toBe(0)
  })

  it('notices another identity under the same boot', async () => {
    const { fake, enclaves, events, told } = await readyOne(watchful)
    fake.identity = identityOf('a', '3')
    await until(() => events.seen.includes('identity changed a'))
    expect(enclaves.status(fake.id).state).toBe('locked')
    expect(told.at(-1)?.type).toBe('down')
  })

  it('is not ready on a root that nobody keeps', async () => {
    const fake = await startFake('a')
    fake.on['boot'] = () => ({ result: { identity: fake.identity, sealedRoot: null } })
    const { enclaves, events } = poolOf([fake])
    await until(() => events.seen.includes('not ready a root.invalid'))
    expect(enclaves.status(fake.id).state).toBe('locked')
  })

  it('tries again when the KMS was away, and says so once', async () => {
    const fake = await startFake('a')
    const { boot } = fake.on
    fake.on['boot'] = () => ({ refusal: { code: 'kms.unavailable', culprits: [] } })
    const { enclaves, events } = poolOf([fake], watchful)
    await until(() => callsOf(fake, 'boot').length > 2)
    fake.on['boot'] = boot!
    await until(() => isReady(enclaves, fake))
    expect(events.seen).toEqual(['not ready a kms.unavailable', 'ready a'])
  })

  const refusing = async (timing: Partial<Timing>) => {
    const fake = await startFake('a')
    const boot = fake.on['boot']!
    fake.on['boot'] = () => ({ refusal: { code: 'kms.throttled', culprits: [] } })
    return { fake, boot, asked: () => callsOf(fake, 'boot').length, ...poolOf([fake], timing) }
  }

  it('asks with growing pauses while it is refused, all connections together', async () => {
    // This clock stands still but for the test: `hello` goes on all the time, and only the pause keeps `boot` from being asked.
    vi.useFakeTimers({ toFake: ['performance'] })
    const { fake, asked } = await refusing({ ...watchful, unlockBackOff: { first: 60, longest: 60_000 } })
    const severalHellos = async () => {
      const before = callsOf(fake, 'hello').length
      await until(() => callsOf(fake, 'hello').length >= before + 6, 'six more hellos')
    }
    await until(() => asked() === 1)
    for (const [n, shortest] of [30, 60, 120].entries()) {
      await severalHellos()
      vi.advanceTimersByTime(shortest - 1)
      await severalHellos()
      expect(asked()).toBe(n + 1)
      vi.advanceTimersByTime(shortest + 1)
      await until(() => asked() === n + 2, 'the next attempt')
    }
  })

  it('asks at once after a restart, however long the pause was', async () => {
    const { fake, boot, asked, enclaves } = await refusing({
      ...watchful,
      unlockBackOff: { first: 600_000, longest: 600_000 },
    })
    await until(() => asked() === 1)
    fake.on['boot'] = boot
    await fake.restart()
    await until(() => isReady(enclaves, fake))
    expect(asked()).toBe(2)
  })
})
