import { describe, expect, it } from 'vitest'
import { fleet, gateway, refusedAs, sentTo, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'

withOwnGateway()

describe('waiting', () => {
  it('ends with a code when the time is over, and can go on', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'slowly')
    await expect(signing.completed({ timeout: 30 })).rejects.toMatchObject(refusedAs('wait.timeout'))
    await bob.approve(signing)
    await signing.completed()
  })

  it('stops at once when it is aborted', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'never mind')
    const stop = new AbortController()
    const asked = gateway.nextAsked('getSigning')
    const waiting = signing.completed({ signal: stop.signal })
    const reason = new Error('enough')
    await asked
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  it('goes on where it stood when the gateway ends it early: no state is lost or given twice', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'in pieces')
    const raw = JSON.stringify(await signing.status())
    // The first question of a watch is what stands; the next two waits end early, with nothing new.
    const early = () => ({ raw, status: 200, type: 'application/json' })
    gateway.faults.push(() => undefined, early, early)
    const versions: number[] = []
    let asked = gateway.nextAsked('getSigning', 'after')
    const seen = (async () => {
      for await (const { version } of signing.watch()) versions.push(version)
    })()
    for (let wait = 1; wait < 3; wait += 1) {
      await asked
      asked = gateway.nextAsked('getSigning', 'after')
    }
    await asked
    await bob.approve(signing)
    await seen
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))
    expect(versions.at(-1)).toBe((await signing.status()).version)
  })

  it('asks a gateway that does not wait no more than five times a second', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'hot')
    const raw = JSON.stringify(await signing.status())
    gateway.faults.push(...Array.from({ length: 50 }, () => () => ({ raw, status: 200, type: 'application/json' })))
    const before = sentTo('getSigning').length
    await expect(signing.completed({ timeout: 500 })).rejects.toMatchObject({ code: 'wait.timeout' })
    expect(sentTo('getSigning').length - before).toBeLessThan(5)
  })
})
