import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, together, type Decision } from '../../src/bunker/decide.ts'
import type { Bunker } from '../../src/bunker/clients.ts'
import type { HandOn } from '../../src/nostr/hand-on.ts'
import type { Request } from '../../src/nostr/methods.ts'
import { CipherMethod, permitsKind } from '../../src/nostr/permissions.ts'
import { presets, type PresetName } from '../../src/nostr/presets.ts'
import { rules } from '../../src/bunker/rules.ts'
import type { OwnerGrant } from '../../src/wire/bunker.ts'
import {
  ann,
  bob,
  bunkerOf,
  cipher,
  connect,
  empty,
  grantOf,
  idOf,
  now,
  offering,
  plain,
  signer,
  signEvent,
  today,
  user,
  withAnn,
} from './clients.ts'

const decided = (bunker: Bunker, request: Request, client = ann, at = now) => {
  const { does, rule, observed } = decide({ bunker, client, request, now: at })
  return [does, rule, observed]
}
const inviting = bunkerOf([grantOf('notes', offering())])
const bound = bunkerOf([grantOf('notes', offering())], [[idOf(1), { client: ann, ended: false, handOn: null }]])
const gone = bunkerOf([grantOf('notes', offering())], [[idOf(1), { client: ann, ended: true, handOn: null }]])
const asking = bunkerOf([], [], 'ask')
const handOn: HandOn = {
  name: idOf(9),
  by: ann,
  handed: {
    signer,
    client: bob,
    permissions: presets.everything.permissions,
    peers: null,
    longest: null,
    expiresAt: now + 9,
  },
}
const handing = withAnn(grantOf('notes', { handsOn: true }))

describe('a client that connects', () => {
  it('is let in by an offered secret, whatever key it knows: the signer, the user, or none', () => {
    for (const named of [signer, user, null])
      expect(decided(inviting, connect('s3cret', { signer: named }))).toEqual([
        'allow',
        'offered_secret',
        'secret: open',
      ])
  })

  it('is refused when it wants another signer, even with a good secret or a session', () => {
    for (const bunker of [inviting, withAnn()])
      expect(decided(bunker, connect('s3cret', { signer: bob }))).toEqual(['refuse', 'another_signer', bob])
  })

  it('is refused with a secret that is unknown, used or over, session or not', () => {
    const unknown = ['refuse', 'wrong_secret', 'secret: unknown or used']
    expect(decided(inviting, connect('guess'))).toEqual(unknown)
    expect(decided(asking, connect('guess'))).toEqual(unknown)
    expect(decided(withAnn(), connect('guess'))).toEqual(unknown)
    expect(decided(bound, connect('s3cret'), bob)).toEqual(unknown)
    expect(decided(inviting, connect('s3cret'), ann, now + 60_000)).toEqual(['refuse', 'wrong_secret', 'secret: over'])
  })

  it('repeats itself as often as it likes, and nobody comes with the secret after it has gone', () => {
    expect(decided(bound, connect('s3cret'))).toEqual(['allow', 'same_client', 'secret: of this session'])
    expect(decided(bound, connect('s3cret'), ann, now + 60_000)[0]).toBe('allow')
    for (const client of [ann, bob]) expect(decided(gone, connect('s3cret'), client)[1]).toBe('wrong_secret')
  })

  it('without a secret is asked about, or refused, as the owner has it', () => {
    expect(decided(asking, connect(null))).toEqual(['ask', 'stranger', 'strangers: ask'])
    expect(decided(empty, connect(null))).toEqual(['refuse', 'no_session', 'session: none'])
  })

  it('again needs no secret', () => {
    expect(decided(withAnn(), connect(null))).toEqual(['allow', 'same_client', 'secret: none'])
  })
})

describe('a client to which another hands on', () => {
  const connecting = (bunker: Bunker, client = bob, at = now) =>
    decide({ bunker, client, request: connect('handed-on:x'), handOn, now: at })

  it('is let in where that one may hand on, and gets no more than both have', () => {
    const { does, rule, grant } = connecting(handing)
    expect([does, rule]).toEqual(['allow', 'handed_on'])
    expect(grant).toMatchObject({ permissions: presets.notes.permissions, handsOn: false, expiresAt: now + 9 })
  })

  it('is refused where it may not, has gone, or has itself only what was handed on', () => {
    const over = bunkerOf(
      [grantOf('notes', { handsOn: true })],
      [[idOf(1), { client: ann, ended: true, handOn: null }]],
    )
    for (const bunker of [withAnn(), empty, over]) expect(connecting(bunker).rule).toBe('wrong_secret')
    expect(connecting(handing, bob, now + 9).rule).toBe('wrong_secret')
    const second = bunkerOf(handing.terms.grants, [[idOf(9), { client: bob, ended: false, handOn }]])
    const further: HandOn = { ...handOn, name: idOf(8), by: bob }
    const request = connect('handed-on:y')
    expect(decide({ bunker: second, client: signer, request, handOn: further, now }).rule).toBe('wrong_secret')
  })

  it('has a session as long as the other has its grant, and none after it logged out', () => {
    const bound = (ended: boolean, grants = handing.terms.grants) =>
      bunkerOf(grants, [[idOf(9), { client: bob, ended, handOn: ended ? null : handOn }]])
    expect(decided(bound(false), signEvent(1), bob)[0]).toBe('allow')
    expect(decided(bound(false), signEvent(0), bob)[0]).toBe('refuse')
    expect(decided(bound(false, []), signEvent(1), bob)).toEqual(['refuse', 'no_session', 'session: none'])
    expect(decided(bound(true), signEvent(1), bob)[1]).toBe('no_session')
    expect(decided(bound(false), signEvent(1), bob, now + 9)[1]).toBe('no_session')
  })
})

describe('a client without a session', () => {
  const requests = [plain('ping'), plain('get_public_key'), plain('switch_relays'), plain('logout'), signEvent(1)]
  it.each([...requests, ...CipherMethod.options.map(cipher)])('is refused $method', (request) => {
    for (const bunker of [empty, asking, withAnn(), inviting])
      expect(decided(bunker, request, bob)).toEqual(['refuse', 'no_session', 'session: none'])
    expect(decided(gone, request)).toEqual(['refuse', 'no_session', 'session: none'])
    expect(decided(withAnn(), request, ann, now + 1_000_000)).toEqual(['refuse', 'no_session', 'session: over'])
  })
})

describe('a client with a session', () => {
  it('needs no permission for what gives nothing away', () => {
    for (const method of ['ping', 'get_public_key', 'switch_relays', 'logout'] as const)
      expect(decided(withAnn(grantOf('nothing')), plain(method))).toEqual(['allow', 'free_method', method])
  })

  it('has done what is permitted, and nothing else', () => {
    expect(decided(withAnn(), signEvent(1))).toEqual(['allow', 'permitted', 'sign_event:1'])
    expect(decided(withAnn(), signEvent(0))).toEqual(['refuse', 'not_permitted', 'sign_event:0'])
    expect(decided(withAnn(), cipher('nip44_decrypt'))).toEqual(['refuse', 'not_permitted', 'nip44_decrypt'])
    expect(decided(withAnn(grantOf('messages')), cipher('nip44_decrypt'))[0]).toBe('allow')
  })

  const narrowed: [string, Partial<OwnerGrant>, Request][] = [
    ['another peer than is named', { peers: [user] }, cipher('nip44_decrypt')],
    ['a longer message', { longest: 1 }, cipher('nip44_encrypt')],
    ['a longer event', { longest: 1 }, signEvent(1)],
    ['an older date', { dated: { before: 9, after: 9 } }, signEvent(1, null, today - 10)],
    ['a later date', { dated: { before: 9, after: 9 } }, signEvent(1, null, today + 10)],
  ]
  it.each(narrowed)('is refused %s', (_, change, request) => {
    expect(decided(withAnn(grantOf('everything', change)), request)).toMatchObject({ 0: 'refuse', 1: 'not_permitted' })
  })

  const within: [string, Partial<OwnerGrant>, Request][] = [
    ['a peer that is named', { peers: [bob] }, cipher('nip44_decrypt')],
    ['an event, which has no peer', { peers: [] }, signEvent(1)],
    ['a message as long as that', { longest: 2 }, cipher('nip44_encrypt')],
    ['a date as far as that', { dated: { before: 9, after: 9 } }, signEvent(1, null, today - 9)],
  ]
  it.each(within)('may have %s', (_, change, request) => {
    expect(decided(withAnn(grantOf('everything', change)), request)[0]).toBe('allow')
  })

  it('has what any of its grants gives, and not a part of each', () => {
    const notes = grantOf('notes', { peers: [] })
    const messages = grantOf('messages', { id: idOf(2), longest: 1 })
    const both = bunkerOf([notes, messages])
    expect(decide({ bunker: both, client: ann, request: signEvent(1), now }).grant).toBe(notes)
    expect(decided(both, cipher('nip44_decrypt'))[0]).toBe('refuse')
  })

  it('is asked about for the rest, if the owner wants that', () => {
    const bunker = withAnn(grantOf('notes', { otherwise: 'ask' }))
    expect(decided(bunker, signEvent(0))).toEqual(['ask', 'owner_decides', 'otherwise: ask'])
    expect(decided(bunker, signEvent(1))[0]).toBe('allow')
  })

  it('has no event signed that names another author', () => {
    const all = withAnn(grantOf('everything', { otherwise: 'ask' }))
    expect(decided(all, signEvent(1, user))[0]).toBe('allow')
    for (const author of [ann, signer])
      expect(decided(all, signEvent(1, author))).toEqual(['refuse', 'another_author', author])
  })

  it('gets no credential by a permission for everything', () => {
    const all = withAnn(grantOf('everything'))
    expect(decided(all, signEvent(27_235))).toEqual(['refuse', 'not_permitted', 'sign_event:27235'])
    expect(decided(all, signEvent(24_133))[0]).toBe('refuse')
  })
})

it('a decision says of each rule before it which condition was not met, and what was found', () => {
  expect(decide({ bunker: withAnn(), client: ann, request: signEvent(0), now })).toEqual({
    does: 'refuse',
    rule: 'not_permitted',
    grant: null,
    observed: 'sign_event:0',
    passed: [
      ...['another_signer', 'same_client', 'offered_secret', 'handed_on', 'wrong_secret', 'stranger'].map((rule) => ({
        rule,
        unmet: 'the method is connect',
        observed: 'sign_event',
      })),
      { rule: 'no_session', unmet: 'the client has no session', observed: 'session: a session' },
      { rule: 'free_method', unmet: 'the method needs no permission', observed: 'sign_event' },
      { rule: 'another_author', unmet: 'the event names another author than the user', observed: 'no author' },
      { rule: 'permitted', unmet: 'a grant has the permission', observed: 'sign_event:0' },
      { rule: 'owner_decides', unmet: 'the owner is asked about what is not permitted', observed: 'otherwise: refuse' },
    ],
  })
})

const bunkers: fc.Arbitrary<Bunker> = fc
  .record({
    strangers: fc.constantFrom('ask' as const, 'refuse' as const),
    otherwise: fc.constantFrom('ask' as const, 'refuse' as const),
    preset: fc.option(fc.constantFrom(...(Object.keys(presets) as PresetName[]))),
    offered: fc.boolean(),
  })
  .map(({ strangers, otherwise, preset, offered }) =>
    bunkerOf(
      [
        ...(preset === null ? [] : [grantOf(preset, { otherwise })]),
        ...(offered ? [grantOf('notes', { id: idOf(2), ...offering() })] : []),
      ],
      [],
      strangers,
    ),
  )
const metadata = fc.record({ name: fc.option(fc.string()), url: fc.option(fc.webUrl()), image: fc.constant(null) })
const requests: fc.Arbitrary<Request> = fc.oneof(
  fc
    .tuple(fc.constantFrom('s3cret', 'guess', null), fc.constantFrom(signer, user, bob, null))
    .map(([secret, named]) => connect(secret, { signer: named })),
  fc
    .tuple(fc.constantFrom(0, 1, 4, 13, 22_242, 27_235), fc.constantFrom(user, bob, null))
    .map(([kind, by]) => signEvent(kind, by)),
  fc.constantFrom(...CipherMethod.options).map(cipher),
  fc.constantFrom('ping', 'get_public_key', 'switch_relays', 'logout').map((method) => plain(method as 'ping')),
)
const of = (bunker: Bunker, request: Request) => decide({ bunker, client: ann, request, now })
const handed = decide({ bunker: handing, client: bob, request: connect('handed-on:x'), handOn, now }).rule

describe('any decision', () => {
  it('is made by the first rule that holds, after all that are before it', () => {
    fc.assert(
      fc.property(bunkers, requests, (bunker, request) => {
        const { rule, does, passed } = of(bunker, request)
        const order = rules.map(({ name }) => name)
        expect([...passed.map((one) => one.rule), rule]).toEqual(order.slice(0, passed.length + 1))
        expect(rules[passed.length]!.does).toBe(does)
      }),
    )
  })

  it('lets nobody use the key without a grant that has the permission', () => {
    fc.assert(
      fc.property(bunkers, requests, (bunker, request) => {
        const { does, grant } = of(bunker, request)
        if (does !== 'allow' || request.method === 'connect') return
        expect(grant?.holder).toMatchObject({ kind: 'client', client: ann })
        const { permissions } = grant!
        if (request.method === 'sign_event') expect(permitsKind(permissions, request.params.event.kind)).toBe(true)
        else if (/^nip/.test(request.method)) expect(permissions.methods as string[]).toContain(request.method)
      }),
    )
  })

  it('does not look at what a client calls itself, and says no secret', () => {
    fc.assert(
      fc.property(bunkers, fc.constantFrom('s3cret', 'guess', null), metadata, (bunker, secret, claimed) => {
        const decision = of(bunker, connect(secret, { metadata: claimed }))
        expect(decision).toEqual(of(bunker, connect(secret)))
        expect(JSON.stringify(decision)).not.toMatch(/s3cret|guess/)
      }),
    )
  })

  it('does not look at the permissions that a client asks for', () => {
    const wanting = connect(null, { permissions: [{ method: 'sign_event', kind: null }] })
    fc.assert(
      fc.property(bunkers, (bunker) => {
        expect(of(bunker, wanting)).toEqual(of(bunker, connect(null)))
      }),
    )
  })
})

it('each rule decides something', () => {
  const all = fc.sample(fc.tuple(bunkers, requests), { numRuns: 3_000, seed: 1 })
  const reached = new Set([handed, ...all.map(([bunker, request]) => of(bunker, request).rule)])
  expect([...reached].sort()).toEqual(rules.map(({ name }) => name).sort())
})

describe('the books of several owners', () => {
  const saying = (does: Decision['does']): Decision => ({
    does,
    rule: 'permitted',
    grant: null,
    observed: '',
    passed: [],
  })
  const all = (...does: Decision['does'][]) => new Map(does.map((one, at) => [at + 1, saying(one)]))
  const none = { approved: [], rejected: [] }

  it.each<[string, Decision['does'][], { approved: number[]; rejected: number[] }, Decision['does'], number[]]>([
    ['enough permit it', ['allow', 'allow', 'refuse'], none, 'allow', [1, 2]],
    ['one permits it, and one is asked', ['allow', 'ask', 'refuse'], none, 'ask', [1]],
    [
      'one permits it, and one has said yes',
      ['allow', 'ask', 'refuse'],
      { approved: [2], rejected: [] },
      'allow',
      [1, 2],
    ],
    ['one permits it, and one has said no', ['allow', 'ask', 'refuse'], { approved: [], rejected: [2] }, 'refuse', [1]],
    [
      'one has said no to what the own book permits',
      ['allow', 'allow'],
      { approved: [], rejected: [1] },
      'refuse',
      [2],
    ],
    [
      'two have said yes, whatever their books say',
      ['refuse', 'refuse'],
      { approved: [1, 2], rejected: [] },
      'allow',
      [1, 2],
    ],
    ['too few have a book', ['allow'], none, 'refuse', [1]],
  ])('come to their threshold of two: %s', (_, does, words, expected, willing) => {
    expect(together(all(...does), { threshold: 2, ...words })).toMatchObject({ does: expected, willing })
  })
})
