import { boundReached } from '@quorate/shared/errors'
import type { Item } from '@quorate/shared/wire/content'
import type { SigningId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import { bytesItem } from '../../../shared/party/test/people.js'
import {
  ask,
  code,
  coordinator,
  decisionFor,
  finished,
  inFreshHouses,
  isSigned,
  requestFor,
  restartGateway,
  store,
  storedKey,
} from './house.ts'

inFreshHouses()

/** An item of about so many bytes. */
const long = (bytes: number): { items: Item[] } => ({ items: [bytesItem('x'.repeat(bytes))] })

describe('open signings of one asker', () => {
  it('are so many at most, and keep no other participant of the key from asking', async () => {
    await restartGateway({ openSigningsPerAsker: 2 })
    const key = await storedKey()
    const first = await ask(key, 1)
    await ask(key, 1)
    await expect(ask(key, 1)).rejects.toMatchObject(boundReached('asker'))
    await restartGateway({ openSigningsPerAsker: 2 })
    await expect(ask(key, 1)).rejects.toMatchObject(boundReached('asker'))
    // What was asked before is answered as before.
    const { request, sealedItems } = first
    expect((await coordinator.requestSigning({ request, sealedItems })).signingId).toBe(request.body.signingId)
    const other = await ask(key, 2)
    await coordinator.approve(other.status.signingId, await decisionFor(key, other.request, 3))
    expect(isSigned(key, await finished(other.status))).toBe(true)
    for (const index of [2, 3])
      await coordinator.approve(first.status.signingId, await decisionFor(key, request, index, 'reject'))
    await ask(key, 1)
  })

  it('are so many when they come at once, too', async () => {
    await restartGateway({ openSigningsPerAsker: 2 })
    const key = await storedKey()
    const wishes = await Promise.all([1, 2, 3, 4, 5].map(() => requestFor(key, 1)))
    const settled = await Promise.allSettled(wishes.map((wish) => coordinator.requestSigning(wish)))
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })

  it('weigh so much at most', async () => {
    await restartGateway({ weightPerAsker: 40_000 })
    const key = await storedKey()
    await ask(key, 1)
    await expect(ask(key, 1, long(20_000))).rejects.toMatchObject(boundReached('asker'))
    await ask(key, 1)
  })
})

describe('open signings of a key, and of the gateway', () => {
  it('weigh so much at most, and who holds less than a fair part is let in all the same', async () => {
    await restartGateway({ weightPerKey: 60_000 })
    const key = await storedKey()
    for (const asker of [1, 1, 1]) await ask(key, asker)
    await expect(ask(key, 1)).rejects.toMatchObject(boundReached('key'))
    await ask(key, 2)
    await expect(ask(key, 2)).rejects.toMatchObject(boundReached('key'))
    await ask(await storedKey(), 1)
  })

  it('of one key take no more than their part of a gateway that is full', async () => {
    await restartGateway({ weightOfSignings: 70_000 })
    const key = await storedKey()
    for (const asker of [1, 2, 3, 1]) await ask(key, asker)
    await expect(ask(key, 2)).rejects.toMatchObject(boundReached('gateway'))
    const another = await storedKey()
    await ask(another, 1)
    await expect(ask(another, 2)).rejects.toMatchObject(boundReached('gateway'))
  })
})

describe('the sealed items of a signing', () => {
  it('stand in the store and not in the session, and are there when they are needed, also after a restart', async () => {
    const key = await storedKey()
    const { request, sealedItems, status } = await ask(key)
    const { signingId } = request.body
    expect(status).not.toHaveProperty('sealedItems')
    const stored = await store.loadSession('signing', signingId)
    expect(JSON.stringify(stored?.state)).not.toContain(sealedItems[0])
    expect(await store.loadEnclosure('signing', signingId)).toEqual(sealedItems)
    await restartGateway()
    const now = await coordinator.follow.signing.status(signingId)
    expect((await coordinator.withItems(now)).sealedItems).toEqual(sealedItems)
    await coordinator.approve(signingId, await decisionFor(key, request, 2))
    expect(isSigned(key, await finished(status))).toBe(true)
  })

  it('are those of the request, or are not kept', async () => {
    const key = await storedKey()
    const [{ request }, { sealedItems }] = [await requestFor(key, 1), await requestFor(key, 1)]
    await expect(coordinator.requestSigning({ request, sealedItems })).rejects.toEqual(code('seal.invalid'))
  })
})

describe('the list of open signings', () => {
  const pagesOf = async (keyId: string, limit?: number) => {
    const pages: SigningId[][] = []
    let cursor: SigningId | null = null
    do {
      const page = await coordinator.openSignings(keyId as never, { limit, cursor: cursor ?? undefined })
      pages.push(page.signings.map(({ signingId }) => signingId))
      cursor = page.next
    } while (cursor !== null)
    return pages
  }

  it('comes page by page, each signing once', async () => {
    const key = await storedKey()
    const asked = new Set<string>()
    for (const asker of [1, 2, 3, 1, 2]) asked.add((await ask(key, asker)).status.signingId)
    const pages = await pagesOf(key.plan.skeleton.keyId, 2)
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1])
    expect(new Set(pages.flat())).toEqual(asked)
  })

  it('ends a page before its items are too long', async () => {
    const key = await storedKey()
    for (const asker of [1, 2, 3]) await ask(key, asker, long(60_000 * 8))
    const pages = await pagesOf(key.plan.skeleton.keyId)
    expect(pages.map(({ length }) => length)).toEqual([1, 1, 1])
  })
})
