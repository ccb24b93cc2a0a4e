import { Refusal } from '@quorate/shared/errors'
import { describe, expect, it } from 'vitest'
import { ask, code, coordinator, decisionFor, enclaves, finished, inFreshHouses, store, storedKey } from './house.ts'

inFreshHouses()

describe('a store that fails', () => {
  it('refuses what it cannot keep, does not act on it, and goes on when it works again', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const save = store.save.bind(store)
    let failing = true
    store.save = (change) => (failing ? Promise.reject(new Refusal('store.failed')) : save(change))
    const approval = await decisionFor(key, request, 2)
    await expect(coordinator.approve(status.signingId, approval)).rejects.toEqual(code('store.failed'))
    expect(enclaves.count('signing.commit')).toBe(0)
    failing = false
    await coordinator.approve(status.signingId, approval)
    expect((await finished(status)).state).toBe('completed')
  })

  it('at the save that nobody waits for costs time and nothing else', async () => {
    const key = await storedKey()
    const save = store.save.bind(store)
    let saves = 0
    store.save = (change) => {
      saves += 1
      return saves === 3 ? Promise.reject(new Refusal('store.failed')) : save(change)
    }
    const { request, status } = await ask(key)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await finished(status)).state).toBe('completed')
    expect(saves).toBe(4)
  })
})
