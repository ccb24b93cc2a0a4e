import { finalizeEvent, generateSecretKey, getPublicKey, type EventTemplate } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../../mpc/src/index.ts'
import { isSigned, REMOTE_SIGNING, SignedEvent, verifyEnvelope } from './event.ts'
import { NostrKey } from './keys.ts'
import { longestPayload } from './nip44.ts'
import { codeOf } from '../../test/refused.ts'

const mpc = await loadMpc()
const client = generateSecretKey()
const signer = NostrKey.parse(getPublicKey(generateSecretKey()))
const another = NostrKey.parse(getPublicKey(generateSecretKey()))
const template: EventTemplate = { kind: 24_133, created_at: 1_800_000_000, tags: [['p', signer]], content: 'AgAA' }

/** As a relay brings it: nothing but JSON. */
const sign = (changes: Partial<EventTemplate> = {}) =>
  JSON.parse(JSON.stringify(finalizeEvent({ ...template, ...changes }, client))) as SignedEvent
const outcomeOf = (event: unknown) => codeOf(() => verifyEnvelope(mpc, event, signer))

describe("a client's event", () => {
  it('of nostr-tools is verified, and comes back as it was', () => {
    const event = sign()
    expect(verifyEnvelope(mpc, event, signer)).toEqual(event)
    expect(event.kind).toBe(REMOTE_SIGNING)
    expect(outcomeOf(sign({ content: 'A'.repeat(longestPayload) }))).toBe('done')
    expect(
      outcomeOf(
        sign({
          tags: [
            ['t', 'x'],
            ['p', signer, 'wss://relay.example'],
          ],
        }),
      ),
    ).toBe('done')
  })

  it('has bounds: kind, tags, content, fields', () => {
    const outside: unknown[] = [
      ...[null, 'event', [], {}, { ...sign(), more: 1 }],
      ...[sign({ kind: 1 }), sign({ kind: 24_134 }), sign({ content: 'A'.repeat(longestPayload + 1) })],
      sign({ tags: [['p', signer], ...Array.from({ length: 16 }, () => ['t'])] }),
      sign({ tags: [['p', signer, ...Array.from({ length: 15 }, () => '')]] }),
      sign({ tags: [['p', signer, 'x'.repeat(1_025)]] }),
      ...[
        { ...sign(), created_at: -1 },
        { ...sign(), created_at: 1.5 },
        { ...sign(), id: sign().id.toUpperCase() },
      ],
      ...[
        { ...sign(), sig: sign().sig.slice(2) },
        { ...sign(), pubkey: 'npub1' },
      ],
    ]
    for (const event of outside) expect(outcomeOf(event), String(event)).toBe('nostr.event_invalid')
  })

  it('names this signer in its only p tag', () => {
    const misaddressed = [
      ...[[], [['p', another]], [['p']], [['P', signer]], [['e', signer]]],
      ...[
        [
          ['p', signer],
          ['p', another],
        ],
        [
          ['p', signer],
          ['p', signer],
        ],
      ],
    ]
    for (const tags of misaddressed)
      expect(outcomeOf(sign({ tags })), JSON.stringify(tags)).toBe('nostr.event_misaddressed')
  })

  it.each<[string, (event: SignedEvent) => object]>([
    ['content', () => ({ content: 'AgAB' })],
    ['date', ({ created_at }) => ({ created_at: created_at + 1 })],
    ['tags', ({ tags }) => ({ tags: [...tags, ['t', 'x']] })],
    ['author', () => ({ pubkey: another })],
    ['id', () => ({ id: sign({ content: 'AgAB' }).id })],
    ['signature', () => ({ sig: sign({ content: 'AgAB' }).sig })],
    ['signature, which is none', () => ({ sig: 'ff'.repeat(64) })],
    ['author, who is not on the curve', () => ({ pubkey: 'ff'.repeat(32) })],
  ])('is refused with another %s', (_, change) => {
    const event = sign()
    expect(outcomeOf({ ...event, ...change(event) })).toBe('nostr.event_unsigned')
  })

  it('is refused with the id of what it says and the signature over something else', () => {
    const [one, other] = [sign(), sign({ content: 'AgAB' })]
    expect(outcomeOf({ ...other, sig: one.sig })).toBe('nostr.event_unsigned')
    expect(outcomeOf({ ...one, content: other.content })).toBe('nostr.event_unsigned')
  })
})

it('proves any event of NIP-01, whatever stands in it', () => {
  for (const content of ['', 'quote " backslash \\ newline \n', '☀ 🧡', '\u2028', '\u0001\b\f\r']) {
    const event = SignedEvent.parse(sign({ kind: 1, tags: [['t', content], []], content }))
    expect(isSigned(mpc, event)).toBe(true)
    expect(isSigned(mpc, { ...event, content: `${content} ` })).toBe(false)
  }
})
