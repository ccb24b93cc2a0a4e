import { REMOTE_SIGNING, type Envelope } from '@quorate/shared/nostr/event'
import { NostrKey } from '@quorate/shared/nostr/keys'
import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import { KeyId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import type { BunkerRecord, ClientRequest, LoggedEntry, RequestStage } from '../src/store/bunkers.ts'
import type { Store } from '../src/store/store.ts'
import { DAY, keyId, type Opened } from './store-changes.ts'

const other = KeyId.parse('cd'.repeat(16))
const signer = NostrKey.parse('11'.repeat(32))

/** The store looks into no record, so that markers will do. */
export const bunkerRecord = (marker: string): BunkerRecord => ({
  signer,
  sealed: { ['aa'.repeat(32)]: { from: marker as never, sealed: marker } },
  books: [],
  bindings: [],
  greeted: [],
})
export const eventIdOf = (n: number) => n.toString(16).padStart(64, '0') as Digest
export const clientRequest = (n: number, stage: RequestStage, cameAt = Date.now()): ClientRequest => {
  const event = {
    id: eventIdOf(n),
    pubkey: signer,
    created_at: n,
    kind: REMOTE_SIGNING,
    tags: [['p', signer]],
    content: 'AgAA',
  }
  return { event: { ...event, sig: '00'.repeat(64) } as Envelope, cameAt, approvals: [], asked: null, stage }
}
export const logged = (marker: string): LoggedEntry => ({
  entry: { body: { sealed: marker }, signature: 'v' } as unknown as LoggedEntry['entry'],
  signingId: null,
})
const taken: RequestStage = { name: 'taken' }
const answered: RequestStage = { name: 'answered', answer: null }
const conflict = expect.objectContaining({ code: 'session.conflict' }) as Error

export const saveRequest = (
  store: Store,
  n: number,
  expected: number,
  stage: RequestStage,
  cameAt?: number,
  of = keyId,
) =>
  store.saveClientRequest(
    { eventId: eventIdOf(n), keyId: of, expected, state: clientRequest(n, stage, cameAt) },
    [logged(`${n}@${expected + 1}`)],
    false,
  )

/** The part of the contract of `Store` that is about bunkers. */
export function checkBunkers(its: Opened): void {
  checkRecords(its)
  checkRequests(its)
  checkLog(its)
}

function checkRecords({ open, store }: Opened): void {
  describe('the bunker of a key', () => {
    it('is there for every handle, at the version that saving gave, and is not overwritten by who expects another', async () => {
      expect(await store().loadBunkers()).toEqual([])
      expect(await store().saveBunker(other, 0, bunkerRecord('other'))).toBe(1)
      expect(await store().saveBunker(keyId, 0, bunkerRecord('a'))).toBe(1)
      expect(await store().saveBunker(keyId, 1, bunkerRecord('b'))).toBe(2)
      await expect(store().saveBunker(keyId, 0, bunkerRecord('c'))).rejects.toEqual(conflict)
      await expect(store().saveBunker(keyId, 1, bunkerRecord('c'))).rejects.toEqual(conflict)
      expect(await (await open()).loadBunkers()).toEqual([
        { keyId, version: 2, record: bunkerRecord('b') },
        { keyId: other, version: 1, record: bunkerRecord('other') },
      ])
    })
  })
}

function checkRequests({ open, store }: Opened): void {
  describe("a program's request", () => {
    it('is taken once, however often its event comes, and by one handle alone', async () => {
      expect(await saveRequest(store(), 1, 0, taken)).toBe(1)
      await expect(saveRequest(await open(), 1, 0, taken)).rejects.toEqual(conflict)
      await expect(saveRequest(store(), 2, 3, taken)).rejects.toEqual(conflict)
      expect(await saveRequest(store(), 1, 1, answered)).toBe(2)
      const found = await (await open()).loadClientRequest(eventIdOf(1))
      expect(found).toEqual({
        eventId: eventIdOf(1),
        keyId,
        version: 2,
        state: clientRequest(1, answered, found?.state.cameAt),
      })
      expect(await store().loadClientRequest(eventIdOf(2))).toBeNull()
    })

    it('is open until it is answered, the one that came first before the others', async () => {
      await saveRequest(store(), 1, 0, taken, 20)
      await saveRequest(store(), 2, 0, { name: 'signing', signingId: 's' as SigningId }, 10)
      await saveRequest(store(), 3, 0, answered, 5)
      expect((await (await open()).openClientRequests(Date.now() + 1)).map(({ eventId }) => eventId)).toEqual([
        eventIdOf(2),
        eventIdOf(1),
      ])
      await saveRequest(store(), 2, 1, answered, 10)
      expect((await store().openClientRequests(Date.now() + 1)).map(({ eventId }) => eventId)).toEqual([eventIdOf(1)])
    })

    it('is swept after a day', async () => {
      const now = Date.now()
      await saveRequest(store(), 1, 0, answered, now - DAY - 1)
      await saveRequest(store(), 2, 0, taken, now - DAY - 1)
      await saveRequest(store(), 3, 0, answered, now - DAY + 1)
      expect(await store().sweep(now)).toBe(2)
      const left = await Promise.all([1, 2, 3].map((n) => store().loadClientRequest(eventIdOf(n))))
      expect(left.map((found) => found?.eventId ?? null)).toEqual([null, null, eventIdOf(3)])
    })

    it('is swept before that where a key has more than 10,000 with an answer, the oldest first', async () => {
      const now = Date.now()
      const all = Array.from({ length: 10_001 }, (_, at) => at)
      await Promise.all(all.map((n) => saveRequest(store(), n, 0, answered, now - 10_001 + n)))
      await saveRequest(store(), 20_000, 0, taken, now - 20_000)
      await saveRequest(store(), 20_001, 0, answered, now - 20_000, other)
      expect(await store().sweep(now)).toBe(1)
      const found = await Promise.all([0, 1, 20_000, 20_001].map((n) => store().loadClientRequest(eventIdOf(n))))
      expect(found.map((one) => one !== null)).toEqual([false, true, true, true])
    })
  })
}

function checkLog({ open, store }: Opened): void {
  const markers = async (after: number | null, most = 9, of = keyId) =>
    (await store().loadBunkerLog(of, after, most)).map(({ at, entry }) => [at, entry.body.sealed])

  describe('the log of a bunker', () => {
    it('has the lines of requests and others in the order in which they were written, of each key by itself', async () => {
      await saveRequest(store(), 1, 0, taken)
      await saveRequest(store(), 9, 0, taken, 1, other)
      await store().appendBunkerLog(keyId, [logged('more'), logged('and more')])
      await saveRequest(await open(), 1, 1, answered)
      expect(await markers(0)).toEqual([
        [1, '1@1'],
        [2, 'more'],
        [3, 'and more'],
        [4, '1@2'],
      ])
      expect(await markers(2, 1)).toEqual([[3, 'and more']])
      expect(await markers(0, 9, other)).toEqual([[1, '9@1']])
      expect(await markers(4)).toEqual([])
      expect(await markers(null, 2)).toEqual([
        [3, 'and more'],
        [4, '1@2'],
      ])
    })

    it('has no line of a request that was not written', async () => {
      await saveRequest(store(), 1, 0, taken)
      await expect(saveRequest(store(), 1, 0, taken)).rejects.toEqual(conflict)
      expect(await markers(0)).toEqual([[1, '1@1']])
    })

    it('keeps the newest 10,000 lines, under the numbers that they had', async () => {
      const lines = Array.from({ length: 10_002 }, (_, at) => logged(String(at + 1)))
      await store().appendBunkerLog(keyId, lines)
      expect(await markers(0, 1)).toEqual([[3, '3']])
      expect(await markers(10_000)).toEqual([
        [10_001, '10001'],
        [10_002, '10002'],
      ])
    })
  })
}
