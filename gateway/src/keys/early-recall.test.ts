import { Refusal } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import { MAX_RECALLED } from '@quorate/shared/wire/recall'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
import type { HostEvent, Hosts } from '../engine/ports.ts'
import { createEarlyRecall, type EarlyRecallPorts } from './early-recall.ts'
import type { CachedKey } from './key-cache.ts'

/** Enclaves 1 to 4; key n is on the first three, or on the last three. What is told of it is a script. */
const idOf = (n: number): HostId => EnclaveId.parse(`enclave-${n}`)
const keyOf = (n: number) => KeyId.parse(n.toString(16).padStart(32, '0'))
const [first, second, third, fourth] = [1, 2, 3, 4].map(idOf) as [HostId, HostId, HostId, HostId]

const certified = (keyId: KeyId, hosts: readonly HostId[]): CachedKey => {
  const participants = hosts.map((enclaveId, at) => ({ index: at + 1, host: { identity: { enclaveId } } }))
  const certificate = { roster: { skeleton: { keyId, participants } } }
  return { verified: { certificate } } as unknown as CachedKey
}

type Script = Partial<Pick<EarlyRecallPorts, 'recall'>> & { used: () => readonly KeyId[]; last?: readonly KeyId[] }
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

function start({ used, last = [], recall }: Script) {
  const listeners = new Set<(event: HostEvent) => void>()
  const down = new Set<HostId>()
  const lives = new Map<HostId, string>()
  const asked: { host: HostId; keys: readonly KeyId[] }[] = []
  const heard: Parameters<EarlyRecallPorts['recalled']>[0][] = []
  const failed: unknown[] = []
  const settle: EarlyRecallPorts['recall'] = (_, keys) =>
    Promise.resolve(keys.map(({ keyId }) => ({ keyId, learned: true, settled: true, trouble: null })))
  const hosts = {
    state: (host: HostId) => (down.has(host) ? 'down' : 'ready'),
    life: (host: HostId) => lives.get(host) ?? 'first',
    subscribe: (listener: (event: HostEvent) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  } as unknown as Hosts
  const early = createEarlyRecall({
    hosts,
    store: { usedKeys: (since, most) => Promise.resolve(since === 13_600_000 ? used().slice(0, most) : []) },
    keys: {
      load: (keyId) =>
        keyId === keyOf(404)
          ? Promise.reject(new Refusal('key.not_found'))
          : Promise.resolve(certified(keyId, last.includes(keyId) ? [second, third, fourth] : [first, second, third])),
    },
    recall: async (host, keys) => {
      asked.push({ host, keys: keys.map(({ keyId }) => keyId) })
      return (recall ?? settle)(host, keys)
    },
    timeoutMs: 1_000,
    clock: () => 100_000_000,
    recalled: (at) => {
      heard.push(at)
      noticed()
    },
    failed: (error) => failed.push(error),
  })
  closing.push(early.close)
  const ready = (host: HostId) => {
    down.delete(host)
    for (const listener of listeners) listener({ type: 'ready', host })
  }
  return {
    ...{ asked, heard, failed, down, ready, listeners },
    restart: (host: HostId, life: string) => {
      lives.set(host, life)
      ready(host)
    },
    heardOf: async (count: number) => {
      await until(() => heard.length >= count, `${count} recalls`)
      await turn()
    },
  }
}

describe('a host that has become ready', () => {
  it('hears of the keys that were used in the last day, and of none that it has no share of', async () => {
    const { asked, heard, ready, heardOf } = start({ used: () => [1, 2, 404, 3].map(keyOf), last: [keyOf(2)] })
    ready(first)
    await heardOf(1)
    expect(asked).toEqual([{ host: first, keys: [keyOf(1), keyOf(3)] }])
    expect(heard).toEqual([{ host: first, settled: 2, left: 0 }])
  })

  it('hears of many keys at once, the last used first, those of the same hosts together, and of 1,000 at most', async () => {
    const all = Array.from({ length: 1_500 }, (_, at) => keyOf(at + 1_000))
    const last = all.filter((_, at) => at % 3 === 0)
    const { asked, heard, ready, heardOf } = start({ used: () => all, last })
    ready(second)
    await heardOf(1)
    expect(heard).toEqual([{ host: second, settled: 1_000, left: 0 }])
    expect(asked.length).toBeLessThanOrEqual(Math.ceil(1_000 / MAX_RECALLED) + 1)
    expect(asked.flatMap(({ keys }) => keys).sort()).toEqual(all.slice(0, 1_000))
    expect(asked[0]?.keys).toEqual(all.filter((_, at) => at % 3 !== 0).slice(0, MAX_RECALLED))
    for (const { keys } of asked) expect(new Set(keys.map((keyId) => last.includes(keyId))).size).toBe(1)
  })

  it('hears of the same key once in a life of it, and again in the next', async () => {
    const { asked, ready, restart, heardOf } = start({ used: () => [keyOf(1)] })
    ready(first)
    await heardOf(1)
    ready(first)
    await heardOf(2)
    expect(asked).toHaveLength(1)
    restart(first, 'second')
    await heardOf(3)
    expect(asked).toHaveLength(2)
  })
})

describe('what nobody could tell', () => {
  it('is asked again when another host becomes ready, whatever was in the way', async () => {
    const outcomes = [
      () => Promise.reject(new Refusal('enclave.unreachable')),
      () => Promise.resolve([{ keyId: keyOf(1), learned: true, settled: false, trouble: null }]),
      () => Promise.resolve([{ keyId: keyOf(1), learned: true, settled: true, trouble: null }]),
    ]
    const { asked, heard, failed, ready, heardOf } = start({
      used: () => [keyOf(1)],
      recall: () => outcomes.shift()?.() ?? Promise.resolve([]),
    })
    ready(first)
    await heardOf(1)
    ready(fourth)
    await heardOf(3)
    ready(fourth)
    await heardOf(5)
    ready(fourth)
    await heardOf(6)
    expect(asked).toHaveLength(3)
    expect(heard.filter(({ host }) => host === first).map(({ left }) => left)).toEqual([1, 1, 0])
    expect(failed).toEqual([])
  })

  it.each<[string, EarlyRecallPorts['recall']]>([
    ['it was too slow', () => Promise.reject(new Refusal('enclave.timeout'))],
    [
      'another was',
      (_, keys) =>
        Promise.resolve(
          keys.map(({ keyId }) => ({ keyId, learned: false, settled: false, trouble: new Refusal('enclave.timeout') })),
        ),
    ],
  ])('is asked again after a rest when %s, though nothing else happens', async (_, fails) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    let failures = 2
    const { heard, heardOf, ready } = start({
      used: () => [keyOf(1)],
      recall: (host, keys) => {
        failures -= 1
        if (failures >= 0) return fails(host, keys)
        return Promise.resolve(keys.map(({ keyId }) => ({ keyId, learned: true, settled: true, trouble: null })))
      },
    })
    ready(first)
    await heardOf(1)
    vi.advanceTimersByTime(1_000)
    await heardOf(2)
    vi.advanceTimersByTime(1_999)
    await turn()
    expect(heard).toHaveLength(2)
    vi.advanceTimersByTime(1)
    await heardOf(3)
    expect(heard.at(-1)).toEqual({ host: first, settled: 1, left: 0 })
    vi.advanceTimersByTime(1_000_000)
    await turn()
    expect(heard).toHaveLength(3)
  })

  it('is not asked of a host that is away, and once at a time of one that is there', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { asked, down, ready, heard, heardOf } = start({
      used: () => [keyOf(1)],
      recall: async (_, keys) => {
        noticed()
        await held
        return keys.map(({ keyId }) => ({ keyId, learned: true, settled: true, trouble: null }))
      },
    })
    ready(first)
    await until(() => asked.length === 1, 'the first question')
    down.add(second)
    ready(first)
    ready(first)
    release()
    await heardOf(2)
    expect(asked).toHaveLength(1)
    expect(heard).toHaveLength(2)
  })

  it('is asked no more once the gateway ends', async () => {
    const { listeners, ready, asked } = start({ used: () => [keyOf(1)] })
    await closing[0]?.()
    expect(listeners.size).toBe(0)
    ready(first)
    expect(asked).toEqual([])
  })
})
