import { describe, expect, it } from 'vitest'
import { encode } from '../src/crypto/cbor.ts'
import { hostMethods, type HostParams } from '../src/ceremonies/host-methods.ts'
import { MAX_BODY } from '../src/wire/frame.ts'
import { MAX_PARTS, MAX_RECALLED, MAX_RECALLED_PARTS } from '../src/wire/recall.ts'

const hex = 'f'.repeat(64)
const late = 8_640_000_000_000_000
const life = { id: hex, startedAt: late }
const version = { epoch: late, digest: hex }
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

/** As large as a recollection gets: every list is full, every number is long, and the parts are spread as they may be. */
function largest() {
  const tally = (parts: number) => ({ index: 32, since: late, parts: times(parts, { end: late, signatures: late }) })
  const keys = Array.from({ length: MAX_RECALLED }, (_, at) => {
    const full = MAX_RECALLED_PARTS / (32 * MAX_PARTS)
    return { lineage: hex, current: version, prepared: version, uses: times(32, tally(at < full ? MAX_PARTS : 0)) }
  })
  const body = { to: hex, life, manifest: 0xffff_ffff, lives: times(32 * MAX_RECALLED, { signKey: hex, life }), keys }
  return { body, signature: hex + hex }
}

describe('a recollection of as much as it may hold', () => {
  it('fits into a frame, as it is told and as it is brought to who asked', () => {
    const recollection = largest()
    const named = { keyId: 'f'.repeat(32), code: 'receipt.invalid.or.longer' }
    expect(encode({ result: { recollection, refused: times(MAX_RECALLED, named) } }).length).toBeLessThan(MAX_BODY)
    const keys = times(MAX_RECALLED, { keyId: 'f'.repeat(32), index: 32 })
    const params = { from: hex, keys, recollection } as unknown as HostParams<'recall.learn'>
    expect(encode(['recall.learn', params]).length).toBeLessThan(MAX_BODY)
    expect(() => hostMethods['recall.learn'].params.parse(params)).not.toThrow()
  })
})
