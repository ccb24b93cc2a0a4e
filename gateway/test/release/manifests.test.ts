import { manifestDigest } from '@quorate/shared/verify/manifest'
import { Refusal } from '@quorate/shared/errors'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AuditRecord, HostEvent } from '../../src/engine/ports.ts'
import { createManifests, type ManifestPorts, type Manifests } from '../../src/release/manifests.ts'
import type { TakenManifest } from '../../src/store/store.ts'
import { noticed, until } from '../../../shared/test/noticing.js'
import { signedManifest, takenManifest } from './signed-manifest.ts'

const ids = ['enclave-0', 'enclave-1'].map((id) => EnclaveId.parse(id))
const [first] = ids as [EnclaveId]
const delay = 100

type Offer = { id: string; serial: number; notice: unknown }

/** Enclaves that take everything, and write down what they were offered. */
function house(answer: (id: string, serial: number) => void = () => undefined) {
  const time = { now: 1_000 }
  const offers: Offer[] = []
  const introduced: number[] = []
  const told: string[] = []
  const kept = new Map<string, readonly TakenManifest[]>()
  const audit: AuditRecord[] = []
  const states = new Map<string, 'ready' | 'retired'>()
  let tell: (event: HostEvent) => void = () => undefined
  const ask = async (
    id: EnclaveId,
    _: 'manifest.offer',
    params: { manifest: TakenManifest['manifest']; notice: TakenManifest['notice'] | null },
  ) => {
    const { serial } = params.manifest.body
    offers.push({ id, serial, notice: params.notice })
    noticed()
    answer(id, serial)
    const { notice } = await takenManifest(serial, time.now, time.now + delay)
    return { notice: params.notice ?? notice, effectiveAt: time.now + delay }
  }
  const write = (line: string) => {
    told.push(line)
    noticed()
  }
  const ports: ManifestPorts = {
    enclaves: {
      ids: () => ids,
      status: (id) => ({ state: states.get(id) ?? 'down', identity: null, sealing: null }),
      ask: ask as unknown as ManifestPorts['enclaves']['ask'],
      subscribe: (listener) => {
        tell = listener
        return () => undefined
      },
      introduce: (some) => Promise.resolve(void introduced.push(some.length)),
    },
    store: {
      loadManifests: (id) => Promise.resolve(kept.get(id) ?? []),
      saveManifests: (id, manifests, record) => {
        kept.set(id, manifests)
        audit.push(record)
        noticed()
        return Promise.resolve()
      },
    },
    clock: () => time.now,
    events: {
      manifestRead: ({ serial }) => write(`read ${serial}`),
      manifestFaulted: write,
      manifestTaken: ({ enclaveId, serial }) => write(`taken ${enclaveId} ${serial}`),
      manifestRefused: ({ enclaveId, serial, code }) => write(`refused ${enclaveId} ${serial} ${code}`),
    },
  }
  const become = (id: EnclaveId, state: 'ready' | 'retired') => {
    states.set(id, state)
    tell({ type: state, host: id })
  }
  const becomeReady = (id: EnclaveId) => become(id, 'ready')
  const manifests = createManifests(ports)
  opened.push(manifests)
  return { manifests, offers, introduced, told, kept, audit, become, becomeReady, time }
}

const opened: Manifests[] = []
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
  vi.useRealTimers()
})

describe('a manifest of the gateway', () => {
  it('is offered to enclaves that are ready and to those that become so, and not before', async () => {
    const { manifests, offers, becomeReady } = house()
    becomeReady(first)
    expect(offers).toEqual([])
    manifests.announce(await signedManifest(1))
    await until(() => offers.length === 1)
    for (const id of ids) becomeReady(id)
    await until(() => offers.length === 3)
    expect(offers.map(({ id }) => id).sort()).toEqual(['enclave-0', 'enclave-0', 'enclave-1'])
  })

  it('is offered to enclaves that the one before has retired, since it may list them again', async () => {
    const { manifests, offers, become } = house()
    become(first, 'retired')
    manifests.announce(await signedManifest(1))
    await until(() => offers.length === 1, 'the offer')
    become(first, 'retired')
    await until(() => offers.length === 2, 'the offer after a restart')
    expect(offers.map(({ id }) => id)).toEqual(['enclave-0', 'enclave-0'])
  })

  it('is kept with its notice and an audit record once, and goes back with that notice when the enclave has restarted', async () => {
    const { manifests, offers, kept, audit, becomeReady } = house()
    const manifest = await signedManifest(1)
    manifests.announce(manifest)
    becomeReady(first)
    await until(() => kept.has('enclave-0'))
    becomeReady(first)
    await until(() => offers.length === 2)
    const [taken] = kept.get('enclave-0') ?? []
    expect(offers.map(({ notice }) => notice)).toEqual([null, taken?.notice])
    expect(audit).toHaveLength(1)
    expect(audit[0]).toMatchObject({
      event: 'manifest.taken',
      detail: { enclaveId: 'enclave-0', serial: 1, manifestDigest: manifestDigest(manifest.body) },
    })
  })

  it('is taken from one enclave after the other one only, so that the later of two is kept', async () => {
    const { manifests, kept, becomeReady } = house()
    becomeReady(first)
    manifests.announce(await signedManifest(1))
    manifests.announce(await signedManifest(2))
    await until(() => kept.get('enclave-0')?.at(-1)?.manifest.body.serial === 2)
    expect(kept.get('enclave-0')).toHaveLength(1)
  })

  it('that an enclave refuses is told and shown, and kept by nobody', async () => {
    const { manifests, told, kept, becomeReady } = house((id) => {
      if (id === 'enclave-1') throw new Refusal('manifest.stale')
    })
    const manifest = await signedManifest(3)
    manifests.announce(manifest)
    for (const id of ids) becomeReady(id)
    await until(() => told.includes('refused enclave-1 3 manifest.stale') && told.includes('taken enclave-0 3'))
    expect(kept.has('enclave-1')).toBe(false)
    const report = await manifests.report()
    expect(report.manifest).toEqual(manifest)
    expect(report.enclaves).toMatchObject([
      {
        enclaveId: 'enclave-0',
        taken: [{ effectiveAt: 1_000 + delay, notice: { body: { serial: 3 } } }],
        refusal: null,
      },
      { enclaveId: 'enclave-1', taken: [], refusal: 'manifest.stale' },
    ])
    manifests.announce(manifest)
    expect((await manifests.report()).enclaves.map(({ refusal }) => refusal)).toEqual([null, null])
  })

  it('has the enclaves introduced anew when it takes effect', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { manifests, introduced, becomeReady, told } = house()
    manifests.announce(await signedManifest(1))
    for (const id of ids) becomeReady(id)
    await until(() => ids.every((id) => told.includes(`taken ${id} 1`)))
    vi.advanceTimersByTime(delay - 1)
    expect(introduced).toEqual([])
    vi.advanceTimersByTime(1)
    expect(introduced).toEqual([2, 2])
  })
})
