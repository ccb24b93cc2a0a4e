import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../../src/nostr/decide.ts'
import { noMetadata } from '../../src/nostr/metadata.ts'
import type { Request } from '../../src/nostr/methods.ts'
import { CipherMethod, permitsKind } from '../../src/nostr/permissions.ts'
import { presets, type PresetName } from '../../src/nostr/presets.ts'
import { rules } from '../../src/nostr/rules.ts'
import { mostSessions, offer, sessionOf, welcome, type Bunker } from '../../src/nostr/sessions.ts'
import {
  ann,
  bob,
  cipher,
  connect,
  empty,
  keyOf,
  now,
  plain,
  signer,
  signEvent,
  termsOf,
  user,
  withAnn,
} from './clients.ts'

const decided = (bunker: Bunker, request: Request, client = ann) => {
  const { does, rule, observed } = decide(bunker, client, request, now)
  return [does, rule, observed]
}
const inviting = offer(empty, 's3cret', termsOf('notes'), now + 60_000, now)
const full = Array.from({ length: mostSessions }, (_, at) => keyOf(100 + at)).reduce(
  (bunker, client) => welcome(bunker, client, termsOf('notes'), noMetadata, now),
  inviting,
)

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
    expect(decided({ ...empty, strangers: 'ask' }, connect('guess'))).toEqual(unknown)
    expect(decided(withAnn(), connect('guess'))).toEqual(unknown)
    const over = decide(inviting, ann, connect('s3cret'), now + 60_000)
    expect([over.does, over.rule, over.observed]).toEqual(['refuse', 'wrong_secret', 'secret: over'])
  })

  it('without a secret is asked about, or refused, as the owner has it', () => {
    expect(decided({ ...empty, strangers: 'ask' }, connect(null))).toEqual(['ask', 'stranger', 'strangers: ask'])
    expect(decided(empty, connect(null))).toEqual(['refuse', 'no_session', 'no session'])
  })

  it('again needs no secret', () => {
    expect(decided(withAnn(), connect(null))).toEqual(['allow', 'same_client', 'secret: none'])
  })

  it('is refused when there is no room, unless it has a place', () => {
    const request = connect('s3cret')
    expect(decided(full, request)).toEqual(['refuse', 'too_many_clients', `${mostSessions} sessions`])
    expect(decided({ ...full, strangers: 'ask' }, connect(null))[1]).toBe('too_many_clients')
    expect(decided(full, request, keyOf(100))).toEqual(['allow', 'offered_secret', 'secret: open'])
  })
})

describe('a client without a session', () => {
  const requests = [plain('ping'), plain('get_public_key'), plain('switch_relays'), plain('logout'), signEvent(1)]
  it.each([...requests, ...CipherMethod.options.map(cipher)])('is refused $method', (request) => {
    for (const bunker of [empty, { ...withAnn(), strangers: 'ask' as const }])
      expect(decided(bunker, request, bob)).toEqual(['refuse', 'no_session', 'no session'])
  })
})

describe('a client with a session', () => {
  it('needs no permission for what gives nothing away', () => {
    const bunker = withAnn(termsOf('nothing'))
    for (const method of ['ping', 'get_public_key', 'switch_relays', 'logout'] as const)
      expect(decided(bunker, plain(method))).toEqual(['allow', 'free_method', method])
  })

  it('has done what is permitted, and nothing else', () => {
    expect(decided(withAnn(), signEvent(1))).toEqual(['allow', 'permitted', 'sign_event:1'])
    expect(decided(withAnn(), signEvent(0))).toEqual(['refuse', 'not_permitted', 'sign_event:0'])
    expect(decided(withAnn(), cipher('nip44_decrypt'))).toEqual(['refuse', 'not_permitted', 'nip44_decrypt'])
    expect(decided(withAnn(termsOf('messages')), cipher('nip44_decrypt'))[0]).toBe('allow')
  })

  it('is asked about for the rest, if the owner wants that', () => {
    const asking = withAnn(termsOf('notes', 'ask'))
    expect(decided(asking, signEvent(0))).toEqual(['ask', 'owner_decides', 'otherwise: ask'])
    expect(decided(asking, signEvent(1))[0]).toBe('allow')
  })

  it('has no event signed that names another author', () => {
    const all = withAnn(termsOf('everything', 'ask'))
    expect(decided(all, signEvent(1, user))[0]).toBe('allow')
    for (const author of [ann, signer])
      expect(decided(all, signEvent(1, author))).toEqual(['refuse', 'another_author', author])
  })

  it('gets no credential by a permission for everything', () => {
    const all = withAnn(termsOf('everything'))
    expect(decided(all, signEvent(27_235))).toEqual(['refuse', 'not_permitted', 'sign_event:27235'])
    expect(decided(all, signEvent(24_133))[0]).toBe('refuse')
  })
})

it('a decision says of each rule before it which condition was not met, and what was found', () => {
  expect(decide(withAnn(), ann, signEvent(0), now)).toEqual({
    does: 'refuse',
    rule: 'not_permitted',
    observed: 'sign_event:0',
    passed: [
      ...['another_signer', 'same_client', 'too_many_clients', 'offered_secret', 'wrong_secret', 'stranger'].map(
        (rule) => ({
          rule,
          unmet: 'the method is connect',
          observed: 'sign_event',
        }),
      ),
      { rule: 'no_session', unmet: 'the client has no session', observed: 'a session' },
      { rule: 'free_method', unmet: 'the method needs no permission', observed: 'sign_event' },
      { rule: 'another_author', unmet: 'the event names another author than the user', observed: 'no author' },
      { rule: 'permitted', unmet: 'the session has the permission', observed: 'sign_event:0' },
      { rule: 'owner_decides', unmet: 'the owner is asked about what is not permitted', observed: 'otherwise: refuse' },
    ],
  })
})

const names = Object.keys(presets) as PresetName[]
const bunkers: fc.Arbitrary<Bunker> = fc
  .record({
    strangers: fc.constantFrom('ask' as const, 'refuse' as const),
    otherwise: fc.constantFrom('ask' as const, 'refuse' as const),
    preset: fc.option(fc.constantFrom(...names)),
    offered: fc.boolean(),
  })
  .map(({ strangers, otherwise, preset, offered }) => {
    const base = preset === null ? empty : withAnn(termsOf(preset, otherwise))
    const open = offered ? offer(base, 's3cret', termsOf('notes'), now + 1, now) : base
    return { ...open, strangers }
  })
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

describe('any decision', () => {
  it('is made by the first rule that holds, after all that are before it', () => {
    fc.assert(
      fc.property(bunkers, requests, (bunker, request) => {
        const { rule, does, passed } = decide(bunker, ann, request, now)
        const order = rules.map(({ name }) => name)
        expect([...passed.map((one) => one.rule), rule]).toEqual(order.slice(0, passed.length + 1))
        expect(rules[passed.length]!.does).toBe(does)
      }),
    )
  })

  it('lets nobody use the key without a session and a permission', () => {
    fc.assert(
      fc.property(bunkers, requests, (bunker, request) => {
        if (decide(bunker, ann, request, now).does !== 'allow' || request.method === 'connect') return
        const { permissions } = sessionOf(bunker, ann)!.terms
        if (request.method === 'sign_event') expect(permitsKind(permissions, request.params.event.kind)).toBe(true)
        else if (/^nip/.test(request.method)) expect(permissions.methods as string[]).toContain(request.method)
      }),
    )
  })

  it('does not look at what a client calls itself, and says no secret', () => {
    fc.assert(
      fc.property(bunkers, fc.constantFrom('s3cret', 'guess', null), metadata, (bunker, secret, claimed) => {
        const decision = decide(bunker, ann, connect(secret, { metadata: claimed }), now)
        expect(decision).toEqual(decide(bunker, ann, connect(secret), now))
        expect(JSON.stringify(decision)).not.toMatch(/s3cret|guess/)
      }),
    )
  })

  it('does not look at the permissions that a client asks for', () => {
    const asking = connect(null, { permissions: [{ method: 'sign_event', kind: null }] })
    fc.assert(
      fc.property(bunkers, (bunker) => {
        expect(decide(bunker, ann, asking, now)).toEqual(decide(bunker, ann, connect(null), now))
      }),
    )
  })
})

it('each rule decides something', () => {
  const reached = new Set<string>(['too_many_clients'])
  const all = fc.sample(fc.tuple(bunkers, requests), { numRuns: 3_000, seed: 1 })
  for (const [bunker, request] of all) reached.add(decide(bunker, ann, request, now).rule)
  expect([...reached].sort()).toEqual(rules.map(({ name }) => name).sort())
})
