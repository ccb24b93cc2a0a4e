import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../../src/nostr/decide.ts'
import type { NostrKey } from '../../src/nostr/keys.ts'
import { noMetadata } from '../../src/nostr/metadata.ts'
import type { Request } from '../../src/nostr/methods.ts'
import { newestArrival, oldestArrival } from '../../src/nostr/replay.ts'
import {
  admit,
  afterAllowed,
  Bunker,
  endSession,
  mostOffers,
  mostRemembered,
  mostSessions,
  offer,
  originOf,
  sessionOf,
  setTerms,
  welcome,
  type Origin,
} from '../../src/nostr/sessions.ts'
import { ann, bob, connect, empty, from, keyOf, now, plain, signEvent, termsOf, today, withAnn } from './clients.ts'
import { codeOf } from '../refused.ts'

const inviting = offer(empty, 's3cret', termsOf('notes'), now + 60_000, now)

/** As a signer does it: an event that is new is decided, and what is allowed has its effect. */
function take(bunker: Bunker, origin: Origin, request: Request, at = now): Readonly<{ bunker: Bunker; done: string }> {
  const admitted = admit(bunker, origin, at)
  if (admitted.stale !== null) return { bunker: admitted.bunker, done: admitted.stale.rule }
  const { does, rule } = decide(admitted.bunker, origin.client, request, at)
  const after = does === 'allow' ? afterAllowed(admitted.bunker, origin, request, at) : admitted.bunker
  return { bunker: after, done: does === 'allow' ? 'done' : rule }
}

describe('a secret', () => {
  it('is good for one client, and that one may repeat itself', () => {
    const first = take(inviting, from(ann, 1), connect('s3cret'))
    expect(first.done).toBe('done')
    expect(sessionOf(first.bunker, ann)?.terms).toEqual(termsOf('notes'))
    const again = take(first.bunker, from(ann, 2), connect('s3cret'))
    expect(again.done).toBe('done')
    expect(again.bunker.sessions).toBe(first.bunker.sessions)
    const other = take(again.bunker, from(bob, 3), connect('s3cret'))
    expect(other.done).toBe('wrong_secret')
    expect(other.bunker).toBe(again.bunker)
  })

  it('is good for nobody after its client has gone', () => {
    const first = take(inviting, from(ann, 1), connect('s3cret'))
    const gone = take(first.bunker, from(ann, 2), plain('logout'))
    expect(gone.done).toBe('done')
    for (const client of [ann, bob])
      expect(take(gone.bunker, from(client, 3), connect('s3cret')).done).toBe('wrong_secret')
  })

  it('is not in the state, whose schema takes it as it is', () => {
    const { bunker } = take(offer(inviting, 'other', termsOf('nothing'), now + 1, now), from(ann), connect('s3cret'))
    expect(JSON.stringify(bunker)).not.toMatch(/s3cret|other"/)
    expect(Bunker.parse(JSON.parse(JSON.stringify(bunker)))).toEqual(bunker)
  })

  it('is offered once, also while its client is here', () => {
    expect(offer(inviting, 's3cret', termsOf('everything'), now + 1, now)).toBe(inviting)
    const { bunker } = take(inviting, from(ann), connect('s3cret'))
    expect(offer(bunker, 's3cret', termsOf('everything'), now + 1, now)).toBe(bunker)
  })

  it('has room among so many: those that are over make place', () => {
    const full = Array.from({ length: mostOffers }).reduce<Bunker>(
      (bunker, _, at) => offer(bunker, `s${String(at)}`, termsOf('notes'), now + 1_000, now),
      empty,
    )
    expect(codeOf(() => offer(full, 'more', termsOf('notes'), now + 1_000, now))).toBe('nostr.full')
    expect(offer(full, 'more', termsOf('notes'), now + 2_000, now + 1_000).offers.length).toBe(1)
  })

  it('that is new gives a client that is here its terms', () => {
    const before = withAnn(termsOf('everything'))
    const offered = offer(before, 's3cret', termsOf('nothing'), now + 9_000, now)
    const { bunker } = take(offered, from(ann), connect('s3cret'), now + 5_000)
    expect(sessionOf(bunker, ann)?.terms).toEqual(termsOf('nothing'))
    expect(sessionOf(bunker, ann)?.since).toBe(now)
  })
})

describe('a session', () => {
  it('lives until its client logs out, however long that takes', () => {
    const late = now + 50 * 365 * 86_400_000
    const here = take(withAnn(), from(ann, 1, late / 1_000), signEvent(1), late)
    expect(here.done).toBe('done')
    const gone = take(here.bunker, from(ann, 2, late / 1_000), plain('logout'), late)
    expect(sessionOf(gone.bunker, ann)).toBeNull()
    expect(take(gone.bunker, from(ann, 3, late / 1_000), signEvent(1), late).done).toBe('no_session')
  })

  it('is changed and ended by the owner, and nothing happens where there is none', () => {
    expect(sessionOf(setTerms(withAnn(), ann, termsOf('nothing')), ann)?.terms).toEqual(termsOf('nothing'))
    expect(setTerms(empty, ann, termsOf('nothing'))).toBe(empty)
    expect(sessionOf(endSession(withAnn(), ann), ann)).toBeNull()
    expect(endSession(empty, ann)).toBe(empty)
  })

  it('is one of so many', () => {
    const full = Array.from({ length: mostSessions }, (_, at) => keyOf(100 + at)).reduce(
      (bunker, client) => welcome(bunker, client, termsOf('notes'), noMetadata, now),
      empty,
    )
    expect(codeOf(() => welcome(full, ann, termsOf('notes'), noMetadata, now))).toBe('nostr.full')
    expect(codeOf(() => welcome(full, keyOf(100), termsOf('nothing'), noMetadata, now))).toBe('done')
  })

  it('has the metadata of its client to show', () => {
    const metadata = { name: 'App', url: null, image: null }
    const { bunker } = take(inviting, from(ann), connect('s3cret', { metadata }))
    expect(sessionOf(bunker, ann)?.metadata).toEqual(metadata)
  })
})

describe('an event', () => {
  it('is taken from its envelope', () => {
    const envelope = {
      id: from(ann).id,
      pubkey: ann,
      created_at: 7,
      kind: 24_133 as const,
      tags: [],
      content: '',
      sig: '',
    }
    expect(originOf(envelope)).toEqual({ client: ann, id: from(ann).id, createdAt: 7 })
  })

  it('that comes again is known, and the state stays', () => {
    const { bunker } = take(withAnn(), from(ann, 1), signEvent(1))
    const again = admit(bunker, from(ann, 1), now)
    expect(again).toEqual({ bunker, stale: { rule: 'repeated', observed: from(ann, 1).id } })
    expect(again.bunker).toBe(bunker)
  })

  it('may be older or newer than the clock by so much, and no more', () => {
    const rule = (createdAt: number) => admit(withAnn(), from(ann, 1, createdAt), now).stale
    expect(rule(today - oldestArrival)).toBeNull()
    expect(rule(today + newestArrival)).toBeNull()
    expect(rule(today - oldestArrival - 1)).toEqual({ rule: 'too_old', observed: '601 s old' })
    expect(rule(today + newestArrival + 1)).toEqual({ rule: 'dated_ahead', observed: '121 s ahead' })
    expect(admit(empty, from(bob, 1, 0), now).stale?.rule).toBe('too_old')
  })

  it('does not count when it is dated before the connect that began the session', () => {
    const { bunker } = take(inviting, from(ann, 1), connect('s3cret'))
    expect(take(bunker, from(ann, 2, today - 1), signEvent(1)).done).toBe('forgotten')
    expect(take(bunker, from(ann, 3, today), signEvent(1)).done).toBe('done')
  })

  it('of an ended session does not come back with the next one', () => {
    const signed = take(withAnn(), from(ann, 1), signEvent(1))
    const gone = take(signed.bunker, from(ann, 2), plain('logout'))
    const back = take(offer(gone.bunker, 'next', termsOf('notes'), now + 1, now), from(ann, 3), connect('next'))
    expect(back.done).toBe('done')
    for (const id of [1, 2, 3]) expect(take(back.bunker, from(ann, id), signEvent(1)).done).toBe('repeated')
    expect(take(back.bunker, from(ann, 4), signEvent(1)).done).toBe('done')
  })

  it('of somebody without a session is not remembered', () => {
    expect(admit(empty, from(bob), now).bunker).toBe(empty)
  })
})

describe('what is remembered', () => {
  const flood = (bunker: Bunker, client: NostrKey, count: number, first = 1, second = today): Bunker => {
    let state = bunker
    for (let at = 0; at < count; at += 1) state = admit(state, from(client, first + at, second), now).bunker
    return state
  }

  it('is bounded for one client, and what was forgotten is not taken again', () => {
    const early = flood(withAnn(), ann, 10, 1, today - 5)
    const state = flood(early, ann, 4_096, 100)
    expect(state.memories[ann]?.seen.length).toBe(4_096)
    expect(admit(state, from(ann, 1, today - 5), now).stale?.rule).toBe('forgotten')
    expect(admit(state, from(ann, 9_999, today - 6), now).stale?.rule).toBe('forgotten')
    expect(admit(state, from(ann, 9_999, today + 1), now).stale).toBeNull()
  })

  it('is forgotten when it is too old to be taken again, and stays forgotten if the clock goes back', () => {
    const later = now + (oldestArrival + 1) * 1_000
    const state = admit(flood(withAnn(), ann, 3), from(ann, 9, later / 1_000), later).bunker
    expect(state.memories[ann]?.seen.length).toBe(1)
    expect(admit(state, from(ann, 1), now).stale?.rule).toBe('forgotten')
  })

  it('is bounded for all, at the cost of who has most', () => {
    const clients = Array.from({ length: 17 }, (_, at) => keyOf(100 + at))
    const joined = clients.reduce(
      (bunker, client) => welcome(bunker, client, termsOf('notes'), noMetadata, now),
      withAnn(),
    )
    const small = flood(joined, ann, 3)
    const seen = Array.from({ length: 3_900 }, (_, at) => [today, from(ann, 1_000 + at).id] as const)
    const memory = { floor: -1, seen: seen.map(([date, id]) => [date, id] as [number, typeof id]) }
    const memories = { ...small.memories, ...Object.fromEntries(clients.map((client) => [client, memory])) }
    const state = admit({ ...small, memories }, from(clients[0]!, 1), now).bunker
    const total = Object.values(state.memories).reduce((sum, one) => sum + one.seen.length, 0)
    expect(total).toBeLessThanOrEqual(mostRemembered)
    expect(state.memories[ann]).toBe(small.memories[ann])
    expect(state.memories[clients[0]!]?.floor).toBe(today)
  })

  it('of clients that have gone is dropped once it is too old to matter', () => {
    const gone = endSession(flood(withAnn(), ann, 3), ann)
    const soon = welcome(gone, bob, termsOf('notes'), noMetadata, now + 1_000)
    expect(soon.memories[ann]).toBe(gone.memories[ann])
    const later = welcome(gone, bob, termsOf('notes'), noMetadata, now + (oldestArrival + 1) * 1_000)
    expect(Object.keys(later.memories)).toEqual([bob])
  })
})

type Arrival = Readonly<{ client: NostrKey; id: number; createdAt: number; request: Request }>
/** Each event is what it is: whoever repeats it cannot change its author, date or request. */
const events: readonly Arrival[] = Array.from({ length: 24 }, (_, id) => ({
  client: id % 2 === 0 ? ann : bob,
  id: id + 1,
  createdAt: today - (id % 7) * 100,
  request: [connect('s3cret'), signEvent(1), connect('second'), signEvent(1), plain('logout'), connect(null)][id % 6]!,
}))

it('no order, repetition, delay or loss has an act twice, or a secret used by two', () => {
  const steps = fc.array(fc.record({ event: fc.constantFrom(...events), wait: fc.constantFrom(0, 0, 1_000, 60_000) }), {
    maxLength: 80,
  })
  fc.assert(
    fc.property(steps, (arrivals) => {
      let bunker = offer(
        offer(empty, 's3cret', termsOf('notes'), now + 1e9, now),
        'second',
        termsOf('notes'),
        now + 1e9,
        now,
      )
      let at = now
      const signed: number[] = []
      const begun: string[] = []
      for (const { event, wait } of arrivals) {
        at += wait
        const before = sessionOf(bunker, event.client)?.secret ?? null
        const { bunker: after, done } = take(bunker, from(event.client, event.id, event.createdAt), event.request, at)
        const secret = sessionOf(after, event.client)?.secret ?? null
        if (secret !== null && secret !== before) begun.push(secret)
        if (done === 'done' && event.request.method === 'sign_event') signed.push(event.id)
        if (done !== 'done' && done !== 'wrong_secret') expect(after.sessions).toBe(bunker.sessions)
        bunker = after
      }
      expect(new Set(signed).size).toBe(signed.length)
      expect(new Set(begun).size).toBe(begun.length)
    }),
    { numRuns: 500 },
  )
})
