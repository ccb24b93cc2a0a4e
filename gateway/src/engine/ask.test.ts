import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { turn } from '../../../shared/test/noticing.js'
import { begunWith, hosts, toyCourse, type ToySession, type ToyTerms } from '../../test/toy-course.ts'
import { Asker, type Mend, type Aid } from './ask.ts'
import { effects, type Ask, type Event } from './machine.ts'
import type { EnginePorts, HostEvent } from './ports.ts'

const { after } = machineOf(toyCourse)
const seesAll: Event<ToyTerms> = { type: 'hosts_seen', available: hosts, now: 0 }
const said = (round: 'gather' | 'join', index: number): Event<ToyTerms> => ({
  ...{ type: 'said', round, index, attempt: 1 },
  says: { word: 'w' },
})
/** Hosts are introduced in its first round, and asked again there. */
const gather = after(begunWith(), seesAll)
const join = after(gather, said('gather', 1), said('gather', 2), said('gather', 3), { type: 'passed', attempt: 1 })

/** Hosts that do as the test says. `refusals`: what the next calls are refused with. */
function start(aid: Partial<Aid<ToyTerms>> = {}) {
  const log: string[] = []
  const limits: number[] = []
  const refusals: (RefusalCode | Error)[] = []
  const failsToIntroduce: RefusalCode[] = []
  const away = new Set<HostId>()
  const resting = new Set<HostId>()
  const listeners = new Set<(event: HostEvent) => void>()
  const ports = {
    hosts: {
      state: (host: HostId) => (away.has(host) ? 'down' : 'ready'),
      ask: async (host: HostId, method: string, _: unknown, deadlineMs: number) => {
        log.push(`${method} ${host}`)
        limits.push(deadlineMs)
        const refusal = refusals.shift()
        if (refusal !== undefined) throw typeof refusal === 'string' ? new Refusal(refusal) : refusal
        return Promise.resolve({ word: 'w' })
      },
      introduce: (ids: readonly HostId[]) => {
        log.push(`introduce ${ids.length}`)
        const code = failsToIntroduce.shift()
        return code === undefined ? Promise.resolve() : Promise.reject(new Refusal(code))
      },
      subscribe: (listener: (event: HostEvent) => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    health: {
      available: () => hosts.filter((host) => !away.has(host) && !resting.has(host)),
      failed: (_: HostId, code: RefusalCode) => code.startsWith('enclave.'),
      worked: () => {},
    },
    journal: {
      hostFailed: ({ code }: { code: string }) => void log.push(`failed ${code}`),
      faulted: () => void log.push('fault'),
    },
    timeoutMs: 1_000,
  } as unknown as EnginePorts
  const asker = new Asker(toyCourse, { mends: () => [], ...aid }, ports)
  const comesBack = (host: HostId) => {
    away.delete(host)
    for (const listener of [...listeners]) listener({ type: 'ready', host })
  }
  const perform = (s: ToySession, ask: Partial<Ask<ToyTerms>> = {}) => {
    const [effect] = effects(toyCourse, s)
    return asker.perform(s, { ...(effect as Ask<ToyTerms>), ...ask })
  }
  return { asker, log, limits, refusals, failsToIntroduce, away, resting, comesBack, perform }
}
const [first] = hosts as [HostId]

afterEach(() => {
  vi.useRealTimers()
})

describe('asking', () => {
  it('introduces hosts once for an attempt, before the first question of a round that wants it', async () => {
    const { perform, log } = start()
    const asked = await Promise.all([1, 2, 3].map((index) => perform(gather, { index })))
    expect(asked).toMatchObject([1, 2, 3].map((index) => ({ type: 'said', round: 'gather', attempt: 1, index })))
    expect(log).toEqual(['introduce 3', ...hosts.map((host) => `toy.gather ${host}`)])
    await perform(join)
    await perform({ ...gather, attempt: 2 }, { attempt: 2 })
    expect(log.slice(4)).toEqual([`toy.join ${first}`, 'introduce 3', `toy.gather ${first}`])
    const another = start()
    await another.perform(join)
    expect(another.log).toEqual([`toy.join ${first}`])
  })

  it('introduces hosts again for the next question, when they did not come to know each other', async () => {
    const { perform, log, failsToIntroduce } = start()
    failsToIntroduce.push('peer.unknown')
    expect(await perform(gather)).toMatchObject({ type: 'refused', code: 'peer.unknown' })
    expect(await perform(gather)).toMatchObject({ type: 'said' })
    expect(log.filter((line) => line.startsWith('introduce'))).toEqual(['introduce 3', 'introduce 3'])
  })

  it('asks once more what a host can answer after mending, and no more', async () => {
    const mended: number[] = []
    const mend: Mend<ToyTerms> = ['key.unknown', (_, { index }) => Promise.resolve(mended.push(index))]
    const mends = () => [mend]
    const { perform, refusals } = start({ mends })
    refusals.push('key.unknown')
    expect(await perform(gather)).toMatchObject({ type: 'said' })
    refusals.push('key.unknown', 'key.unknown')
    expect(await perform(gather)).toMatchObject({ type: 'refused', code: 'key.unknown' })
    refusals.push('nonce.spent')
    expect(await perform(gather)).toMatchObject({ type: 'refused', code: 'nonce.spent' })
    expect(mended).toEqual([1, 1])
  })

  it('gives a host more time the more seats and people there are', async () => {
    const { perform, limits } = start()
    await perform(gather)
    const { seats } = gather
    await perform({ ...gather, seats: seats.map((seat) => ({ ...seat, host: first })) })
    expect(limits).toEqual([1_030, 1_090])
  })

  it('asks a stuck host for nothing, where it would be asked again', async () => {
    const { perform, resting, log } = start()
    resting.add(first)
    expect(await perform(gather)).toMatchObject({ type: 'refused', code: 'enclave.unreachable', index: 1 })
    expect(log).toEqual([])
    expect(await perform(join)).toMatchObject({ type: 'said' })
  })

  it('asks a host that was away when it is back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { perform, away, comesBack, log } = start()
    away.add(first)
    const asked = perform(gather, { tries: 1 })
    await turn()
    expect(log).toEqual([])
    comesBack(first)
    expect(await asked).toMatchObject({ type: 'said' })
  })

  it.each<[string, RefusalCode, number]>([
    ['is well and says no, ever more seldom', 'key.unknown', 20],
    ['could not answer, each second at most', 'enclave.busy', 3_700],
  ])('asks a host that %s, as long as nothing changes', async (_, code, most) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { perform, refusals, log } = start()
    const over = new AbortController()
    const asking = (async () => {
      for (let tries = 0; !over.signal.aborted; tries += 1) {
        refusals.push(code)
        await perform(gather, { tries })
      }
    })()
    await vi.advanceTimersByTimeAsync(3_600_000)
    const asked = log.filter((line) => line.startsWith('toy.gather')).length
    expect(asked).toBeGreaterThan(most / 2)
    expect(asked).toBeLessThan(most)
    over.abort()
    await vi.advanceTimersByTimeAsync(600_000)
    await asking
  })

  it.each<[string, (at: ReturnType<typeof start>) => unknown]>([
    ['another host of the session is back', ({ comesBack }) => comesBack(hosts[1] as HostId)],
    ['another seat has answered', ({ perform }) => perform(gather, { index: 2 })],
  ])('asks a host that has said no again when %s', async (_, change) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const at = start()
    at.refusals.push('key.unknown')
    expect(await at.perform(gather)).toMatchObject({ type: 'refused', code: 'key.unknown' })
    at.log.length = 0
    const again = at.perform(gather, { tries: 12 })
    at.comesBack('enclave-of-another-key' as HostId)
    await turn()
    expect(at.log).toEqual([])
    await change(at)
    expect(await again).toMatchObject({ type: 'said', index: 1 })
  })

  it('takes an answer that is not what it claims to be for a refusal of its host', async () => {
    const verify = { gather: () => Promise.reject(new Refusal('receipt.invalid', [1])) }
    const { perform } = start({ verify })
    expect(await perform(gather)).toMatchObject({ type: 'refused', code: 'receipt.invalid', culprits: [1] })
  })

  it('gives no text of what went wrong in our own code', async () => {
    const { perform, refusals, log } = start()
    refusals.push(new Error('a secret'))
    const event = await perform(gather)
    expect(event).toEqual({ type: 'refused', attempt: 1, index: 1, code: 'enclave.failed', culprits: [] })
    expect(log.slice(2)).toEqual(['fault', 'failed enclave.failed'])
  })
})
