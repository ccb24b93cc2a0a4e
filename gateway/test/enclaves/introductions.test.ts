import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../../shared/test/noticing.js'
import type { FakeEnclave } from './fake-enclave.ts'
import { ask, callsOf, closeAll, codeOf, readyPool } from './pool-of-fakes.ts'

afterEach(closeAll)

describe('introductions', () => {
  const ready = async (names: string[]) => {
    const all = await readyPool(names)
    return { ...all, ids: all.fakes.map((fake) => fake.id) }
  }
  const introductions = (fakes: FakeEnclave[]) => fakes.map((fake) => callsOf(fake, 'introduce').length)

  it('brings every pair together in both directions, once', async () => {
    const { fakes, enclaves, ids } = await ready(['a', 'b', 'c'])
    await Promise.all([enclaves.introduce(ids), enclaves.introduce(ids)])
    await enclaves.introduce(ids.slice(0, 2))
    expect(introductions(fakes)).toEqual([2, 2, 2])
    // Each has verified the others by its own challenge: it would have refused any other document.
    const said = callsOf(fakes[0]!, 'introduce').map(({ params }) => params['peer'])
    const others = fakes.slice(1).map(({ identity }) => expect.objectContaining({ identity }) as unknown)
    expect(said).toEqual(expect.arrayContaining(others))
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
    fakes[0]!.on['attest'] = () => ({
      result: { identity: fakes[0]!.identity, presence: fakes[0]!.presence, document: 'ZG9j' },
    })
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
