import { describe, expect, it, onTestFinished } from 'vitest'
import { openBaseline } from '../src/baseline/bunker.ts'
import { Faults } from '../src/faults/proxy.ts'
import { startBaselineProcess, startRelayProcess } from '../src/load/baseline.ts'
import { figuresOf, percentile, runInFlight } from '../src/load/figures.ts'
import { revokeMany } from '../src/load/revoke-many.ts'
import { signMany } from '../src/load/sign-many.ts'
import { signThroughDrops } from '../src/load/sign-through-drops.ts'
import { unwrapMany } from '../src/load/unwrap-many.ts'
import { startRelay } from '../src/relay/embedded.ts'

async function startBaseline() {
  const relay = await startRelayProcess()
  onTestFinished(relay.close)
  const signer = await startBaselineProcess(relay.url)
  onTestFinished(signer.close)
  return signer
}

describe('figures', () => {
  it('are of the times, in whatever order they came', () => {
    const times = Array.from({ length: 100 }, (_, n) => 100 - n)
    expect(figuresOf(times, 2_000)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, perSecond: 50 })
    expect(percentile([7], 99)).toBe(7)
  })

  it('are taken with no more in flight than was said', async () => {
    let [running, most] = [0, 0]
    const done: number[] = []
    await runInFlight(20, 3, async (n) => {
      most = Math.max(most, (running += 1))
      await new Promise(setImmediate)
      running -= 1
      done.push(n)
    })
    expect(most).toBe(3)
    expect(done.sort((one, other) => one - other)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })
})

describe('load on the baseline, each in a process of its own', () => {
  it('has events signed for several clients', async () => {
    const { uri } = await startBaseline()
    const { count, p50, p99 } = await signMany({ uri, clients: 3, count: 12, inFlight: 4 })
    expect(count).toBe(12)
    expect(p50).toBeGreaterThan(0)
    expect(p99).toBeGreaterThanOrEqual(p50)
  })

  it('reads an inbox of gift wraps', async () => {
    const { uri, user } = await startBaseline()
    expect(await unwrapMany({ uri, user, wraps: 10, senders: 3 })).toMatchObject({ wraps: 10 })
  })

  it('does not count a revocation after which the client is served still', async () => {
    const { uri } = await startBaseline()
    const lend = async () => ({ uri: await uri(), revoke: () => Promise.resolve() })
    await expect(revokeMany(lend, 1)).rejects.toThrow('served after its revocation')
  })

  it('loses nothing that a relay acknowledged which drops everybody again and again', async () => {
    const relay = await startRelay()
    onTestFinished(relay.close)
    const faults = await Faults.start(relay.url)
    onTestFinished(() => faults.close())
    const { uri, close } = await openBaseline(faults.url)
    onTestFinished(close)
    let passed = 0
    const drop = () => {
      faults.order(() => {
        if ((passed += 1) % 25 === 0) faults.drop()
        return 'pass'
      })
      return () => faults.order(null)
    }
    const { drops, ...survived } = await signThroughDrops({ uri, faults, drop, clients: 2, count: 20, inFlight: 2 })
    expect(survived).toEqual({ acknowledged: 20, signed: 20, lost: 0, answeredTwice: 0 })
    expect(drops).toBeGreaterThan(2)
  })

  it('does not read an inbox that is for another key', async () => {
    const [{ uri }, { user }] = [await startBaseline(), await startBaseline()]
    await expect(unwrapMany({ uri, user, wraps: 1 })).rejects.toThrow()
  })
})
