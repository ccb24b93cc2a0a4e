import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { HostMethod, HostParams } from '@quorate/shared/ceremonies/host-methods'
import { Digest, EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import type { Hosts } from '../engine/ports.ts'
import { createRecall } from './recall.ts'

/** Enclaves 1 to 3 hold shares 1 to 3; the first has restarted. What they say and take is a script. */
const key = { keyId: KeyId.parse('ab'.repeat(16)), lineage: Digest.parse('cd'.repeat(32)) }
const idOf = (n: number) => EnclaveId.parse(`enclave-${n}`)
const seats = [1, 2, 3].map((index) => ({ index, host: idOf(index) }))
const asker = seats[0]!

type Memory = { epoch: number | null; prepared?: number; startedAt?: number } | RefusalCode | 'down'
type Script = { tells: Record<number, Memory>; takes?: (from: number) => number | null | RefusalCode }
type Params = HostParams<'recall.tell'> & HostParams<'recall.learn'>

/** An enclave signs with its number. */
function start({ tells, takes = () => 0 }: Script) {
  const calls: string[] = []
  const version = (epoch: number | null | undefined) => (epoch == null ? null : { epoch, digest: `d${epoch}` })
  const tell = (memory: Exclude<Memory, string>) => {
    const life = { startedAt: memory.startedAt ?? 0 }
    const versions = { current: version(memory.epoch), prepared: version(memory.prepared) }
    return { recollection: { body: { life, keys: [{ ...key, ...versions }] } }, refused: [] }
  }
  const learn = ({ from }: Params) => {
    calls.push(`learn from ${from}`)
    const taken = takes(Number(from))
    if (typeof taken === 'string') return { learned: [], refused: [{ keyId: key.keyId, code: taken }] }
    const memory = tells[Number(from)]
    const settled = taken !== null && typeof memory === 'object' && memory.epoch !== null
    return { learned: [{ keyId: key.keyId, epoch: taken, settled }], refused: [] }
  }
  const answer = (id: EnclaveId, method: HostMethod, params: Params): unknown => {
    const number = Number(id.split('-')[1])
    if (method === 'hello') return { bootId: 'life', identity: { signKey: String(number) } }
    if (method === 'recall.learn') return learn(params)
    const memory = tells[number] ?? { epoch: null }
    if (typeof memory === 'string') throw new Refusal(memory as RefusalCode)
    return tell(memory)
  }
  const hosts = {
    state: (id: EnclaveId) => (tells[Number(id.split('-')[1])] === 'down' ? 'down' : 'ready'),
    ask: async (id: EnclaveId, method: HostMethod, params: Params) =>
      Promise.resolve().then(() => answer(id, method, params)),
    introduce: (ids: readonly EnclaveId[]) => Promise.resolve(void calls.push(`introduce ${ids.join(' and ')}`)),
  } as unknown as Hosts
  const recall = createRecall(hosts, 1_000)
  return { calls, recall: () => recall.one(asker, key, seats) }
}

describe('an enclave that has restarted', () => {
  it('is brought the newest answer of those who are about to leave no version, by who it has been introduced to', async () => {
    const { calls, recall } = start({ tells: { 2: { epoch: 4, prepared: 5 }, 3: { epoch: 4 } } })
    await recall()
    expect(calls.filter((call) => call.startsWith('learn'))).toEqual(['learn from 3'])
    expect(calls).toContain('introduce enclave-1 and enclave-3')
  })

  it.each(['manifest.stale', 'epoch.unproven', 'peer.unknown'] as const)(
    'is brought the next answer when it does not take one: %s',
    async (code) => {
      const { calls, recall } = start({
        tells: { 2: { epoch: 1 }, 3: { epoch: 0 } },
        takes: (from) => (from === 2 ? code : 0),
      })
      await recall()
      expect(calls.filter((call) => call.startsWith('learn'))).toEqual(['learn from 2', 'learn from 3'])
    },
  )

  it('is brought first what those know who have lived longest', async () => {
    const { calls, recall } = start({ tells: { 2: { epoch: 0, startedAt: 9 }, 3: { epoch: 0, startedAt: 5 } } })
    await recall()
    expect(calls.filter((call) => call.startsWith('learn'))).toEqual(['learn from 3'])
  })

  it('is asked again when it has learned something, though not the epoch', async () => {
    const { recall } = start({ tells: { 2: { epoch: null, prepared: 1 } }, takes: () => null })
    await expect(recall()).resolves.toBeNull()
  })

  it('stays as it is when nobody remembers, or who would is away', async () => {
    await expect(start({ tells: {} }).recall()).rejects.toMatchObject({ code: 'epoch.unproven' })
    await expect(start({ tells: { 2: 'down', 3: 'down' } }).recall()).rejects.toMatchObject({ code: 'epoch.unproven' })
  })

  it('is not taken for one that nobody remembers when a host that is there could not be asked', async () => {
    const { recall } = start({ tells: { 2: 'enclave.busy' } })
    await expect(recall()).rejects.toMatchObject({ code: 'enclave.busy' })
    const another = start({ tells: { 2: 'enclave.busy', 3: { epoch: 0 } } })
    await expect(another.recall()).resolves.toMatchObject({ code: 'enclave.busy' })
  })

  it('is helped once at a time', async () => {
    const { calls, recall } = start({ tells: { 2: { epoch: 0 }, 3: 'down' } })
    await Promise.all([recall(), recall(), recall()])
    expect(calls.filter((call) => call.startsWith('learn'))).toHaveLength(1)
  })
})
