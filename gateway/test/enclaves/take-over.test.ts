import { afterEach, describe, expect, it } from 'vitest'
import { createEnclaves } from '../../src/hosts/enclaves/pool.ts'
import { until } from '../../../shared/test/noticing.js'
import { takenManifest } from '../release/signed-manifest.ts'
import { identityOf, startFakeEnclave, type FakeEnclave } from './fake-enclave.ts'
import { memoryRoots, recordedEvents } from './recording.ts'

/*
 * An enclave whose image changes under its gateway: `boot` opens what `opens` says, and answers with the form in which the
 * image of now keeps the root.
 */
const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close()
})

const identity = identityOf('a')

async function house(opens: Record<string, string | null>, stored: { sealedRoot: string; former?: string }) {
  const fake = await startFakeEnclave('a')
  fake.identity = identity
  const { boot } = fake.on
  fake.on['boot'] = (call) => {
    const kept = opens[String(call.params['sealedRoot'])]
    if (kept === undefined) return { refusal: { code: 'root.invalid', culprits: [] } }
    void boot?.(call)
    return { result: { identity: fake.identity, sealedRoot: kept } }
  }
  const roots = memoryRoots()
  roots.kept.set('a', { identity, ...stored })
  const events = recordedEvents()
  const join = (one: FakeEnclave) => {
    const addresses = new Map([[one.id, one.address]])
    const timing = { healthEveryMs: 40, backOff: { first: 5, longest: 40 }, connectionsPerEnclave: 1 }
    const enclaves = createEnclaves({ addresses, roots, events, timing })
    opened.push({ close: () => enclaves.close() })
    return enclaves
  }
  opened.push({ close: () => fake.stop() })
  return { fake, roots, events, join }
}

const givenTo = (fake: FakeEnclave) =>
  fake.calls.filter(({ method }) => method === 'boot').map(({ params }) => params['sealedRoot'])

describe('a root that another image takes over', () => {
  it('is kept in its new form before the enclave is ready, and in the former one until the new one has opened', async () => {
    const { fake, roots, events, join } = await house({ former: 'new', new: null }, { sealedRoot: 'former' })
    const enclaves = join(fake)
    await until(() => enclaves.status(fake.id).state === 'ready')
    expect(roots.kept.get('a')).toEqual({ identity, sealedRoot: 'new', former: 'former' })
    expect(events.seen).toContain('root taken over a')
    await fake.restart()
    await until(() => events.seen.filter((line) => line === 'ready a').length === 2)
    expect(roots.kept.get('a')).toEqual({ identity, sealedRoot: 'new' })
    expect(givenTo(fake)).toEqual(['former', 'new'])
  })

  it('is opened in its former form where the new one does not open, and nothing is lost', async () => {
    const { fake, roots, join } = await house({ former: null }, { sealedRoot: 'new', former: 'former' })
    const enclaves = join(fake)
    await until(() => enclaves.status(fake.id).state === 'ready')
    expect(givenTo(fake)).toEqual(['new', 'former'])
    expect(roots.kept.get('a')).toEqual({ identity, sealedRoot: 'former', former: 'new' })
  })

  it('is not lost with an answer that never came: the next gateway asks again', async () => {
    const { fake, roots, events, join } = await house({ former: 'new', new: null }, { sealedRoot: 'former' })
    const save = roots.saveEnclaveRoot.bind(roots)
    roots.saveEnclaveRoot = () => Promise.reject(new Error('power cut'))
    const first = join(fake)
    await until(() => events.seen.includes('not ready a internal'))
    expect(first.status(fake.id).state).toBe('locked')
    await first.close()
    roots.saveEnclaveRoot = save
    const second = join(fake)
    await until(() => second.status(fake.id).state === 'ready')
    expect(roots.kept.get('a')).toEqual({ identity, sealedRoot: 'new', former: 'former' })
  })

  it('never replaces the stored one when another enclave answers', async () => {
    const { fake, roots, events, join } = await house({ former: 'new' }, { sealedRoot: 'former' })
    fake.identity = identityOf('a', '2')
    join(fake)
    await until(() => events.seen.includes('identity changed a'))
    expect(roots.kept.get('a')).toEqual({ identity, sealedRoot: 'former' })
  })

  it('goes to the enclave with the manifests that it has given notices of', async () => {
    const { fake, roots, join } = await house({ former: null }, { sealedRoot: 'former' })
    const { manifest, notice, effectiveAt } = await takenManifest(1, 0, 10)
    roots.taken.set('a', [{ manifest, notice, effectiveAt }])
    const enclaves = join(fake)
    await until(() => enclaves.status(fake.id).state === 'ready')
    expect(fake.calls.find(({ method }) => method === 'boot')?.params['manifests']).toEqual([{ manifest, notice }])
  })
})
