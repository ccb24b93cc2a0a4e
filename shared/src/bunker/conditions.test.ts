import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { OwnerGrant } from '../wire/bunker.ts'
import { NostrKey } from '../nostr/keys.ts'
import { hasPeer, isNear, isShort, secondsAhead } from './conditions.ts'

const peers = [NostrKey.parse('a'.repeat(64))]

describe('a condition of a grant', () => {
  it('that is not named holds', () => {
    expect(hasPeer({ peers: null }, 'b'.repeat(64))).toBe(true)
    expect(isShort({ longest: null }, Infinity)).toBe(true)
    expect(isNear({ dated: null }, Infinity)).toBe(true)
  })

  it('on peers holds for those, and where there is no peer', () => {
    expect([peers[0]!, 'b'.repeat(64), '', null].map((peer) => hasPeer({ peers }, peer))).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect(hasPeer({ peers: [] }, peers[0]!)).toBe(false)
  })

  it('on the length holds up to it', () => {
    expect([0, 4, 5].map((length) => isShort({ longest: 4 }, length))).toEqual([true, true, false])
  })

  it('on the date holds on both sides, to the second', () => {
    const dated: OwnerGrant['dated'] = { before: 60, after: 10 }
    const aheads = [-61, -60, 10, 11].map((s) => secondsAhead(1_000 + s, 1_000_999))
    expect(aheads).toEqual([-61, -60, 10, 11])
    expect(aheads.map((ahead) => isNear({ dated }, ahead))).toEqual([false, true, true, false])
  })

  it.each(['rules.ts', 'owner-grants.ts'])('is decided here for %s', (file) => {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8')
    expect(text).toMatch(/from '.\/conditions.ts'/)
    expect(text).not.toMatch(/dated\.|<= longest|peers(\.| ===)/)
  })
})
