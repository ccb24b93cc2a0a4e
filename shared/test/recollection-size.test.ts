import { describe, expect, it } from 'vitest'
import { encode } from '../src/crypto/cbor.ts'
import { hostMethods, type HostParams } from '../src/ceremonies/host-methods.ts'
import { mostParticipants } from '../src/schemes/table.ts'
import { MAX_BODY } from '../src/wire/frame.ts'
import {
  MAX_KEY_PARTS,
  MAX_PARTS,
  MAX_RECALLED,
  MAX_RECALLED_PARTICIPANTS,
  MAX_RECALLED_PARTS,
  MAX_RECALLED_TALLIES,
  MAX_TALLIES,
  MAX_WINDOW,
} from '../src/wire/recall.ts'

const hex = 'f'.repeat(64)
const late = 8_640_000_000_000_000
const life = { id: hex, startedAt: late }
const version = { epoch: late, digest: hex }
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

const index = 255
const grant = 'f'.repeat(16)

/** How much there is of each, in the keys of one recollection. */
type Share = Readonly<{ participants: number; tallies: number; renewed: number; parts: number }>

/** Every number is long, and what there is of each is spread as it may be. */
function keyOf({ participants, tallies, renewed, parts }: Share) {
  const tally = (at: number) => ({
    ...{ index, grant, seconds: MAX_WINDOW, since: late },
    parts: times(Math.max(0, Math.min(MAX_PARTS, parts - at * MAX_PARTS)), { end: late, signatures: late }),
  })
  const past = (at: number) => ({ index, since: late, renewed: times(at === 0 ? renewed : 0, grant) })
  return {
    ...{ lineage: hex, current: version, prepared: version },
    uses: Array.from({ length: tallies }, (_, at) => tally(at)),
    pasts: Array.from({ length: participants }, (_, at) => past(at)),
    books: times(participants, { index, serial: 0xffff_ffff, digest: hex }),
    complete: times(participants, index),
  }
}

/** As large as a recollection gets: every list is full. */
function largest() {
  const share = {
    ...{ participants: MAX_RECALLED_PARTICIPANTS / MAX_RECALLED, renewed: 0 },
    tallies: MAX_RECALLED_TALLIES / MAX_RECALLED,
    parts: MAX_RECALLED_PARTS / MAX_RECALLED,
  }
  const lives = times(MAX_RECALLED_PARTICIPANTS, { signKey: hex, life })
  const body = { to: hex, life, manifest: 0xffff_ffff, lives, keys: times(MAX_RECALLED, keyOf(share)) }
  return { body, signature: hex + hex }
}

describe('a recollection of as much as it may hold', () => {
  it('fits into a frame, as it is told and as it is brought to who asked', () => {
    const recollection = largest()
    const named = { keyId: 'f'.repeat(32), code: 'receipt.invalid.or.longer' }
    expect(encode({ result: { recollection, refused: times(MAX_RECALLED, named) } }).length).toBeLessThan(MAX_BODY)
    const keys = times(MAX_RECALLED, { keyId: 'f'.repeat(32), index: 100 })
    const params = { from: hex, keys, recollection } as unknown as HostParams<'recall.learn'>
    expect(encode(['recall.learn', params]).length).toBeLessThan(MAX_BODY)
    expect(() => hostMethods['recall.learn'].params.parse(params)).not.toThrow()
  })

  it('has what the comment beside its bounds counts', () => {
    const bytes = (value: unknown) => encode(value).length
    const one = keyOf({ participants: 1, tallies: 1, renewed: 0, parts: 1 })
    expect(bytes(one.uses[0]!.parts[0])).toBe(34)
    expect(bytes({ ...one.uses[0]!, parts: [] })).toBeLessThanOrEqual(68)
    const ofParticipant = [one.pasts[0], one.books[0], index, { signKey: hex, life }]
    expect(ofParticipant.reduce((sum: number, value) => sum + bytes(value), 0)).toBeLessThanOrEqual(300)
    const ofKey = keyOf({ participants: 0, tallies: 0, renewed: 0, parts: 0 })
    expect(bytes(ofKey)).toBeLessThanOrEqual(320)
  })

  it('always has room for two keys', () => {
    expect(2 * MAX_KEY_PARTS).toBeLessThanOrEqual(MAX_RECALLED_PARTS)
    expect(2 * 2 * MAX_TALLIES).toBeLessThanOrEqual(MAX_RECALLED_TALLIES)
    expect(2 * mostParticipants).toBeLessThanOrEqual(MAX_RECALLED_PARTICIPANTS)
  })
})
