import { Refusal } from '@quorate/shared/errors'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import { describe, expect, it } from 'vitest'
import { createAskers } from './askers.ts'

const DAY = 86_400_000
const [lineage, other] = ['lineage', 'other lineage'] as [Digest, Digest]
const requestBy = (asker: number, more: object = {}) => ({ body: { keyId: 'key', asker }, ...more }) as RefreshRequest

/** Participant 1 had the key refreshed at 0. */
function refreshedBy1() {
  const askers = createAskers()
  askers.certified('next version', 1)
  askers.installed(lineage, 'next version', 0)
  const codeOf = (request: RefreshRequest, of: Digest, now: number) => {
    try {
      askers.require(request, of, now)
      return null
    } catch (error) {
      return error instanceof Refusal ? error.code : error
    }
  }
  return { askers, codeOf }
}

describe('who had a key refreshed', () => {
  it('needs another participant for one more within a day, and nobody else does', () => {
    const { codeOf } = refreshedBy1()
    expect(codeOf(requestBy(1), lineage, DAY - 1)).toBe('refresh.too_soon')
    expect(codeOf(requestBy(1), lineage, DAY)).toBeNull()
    expect(codeOf(requestBy(1, { seconded: {} }), lineage, 1)).toBeNull()
    expect(codeOf(requestBy(2), lineage, 1)).toBeNull()
  })

  it('has refreshed that key, and no other one under its id', () => {
    const { askers, codeOf } = refreshedBy1()
    expect(codeOf(requestBy(1), other, 1)).toBeNull()
    // Nor does a refresh of the other one make it longer ago.
    askers.certified('next version of the other', 1)
    askers.installed(other, 'next version of the other', 2 * DAY)
    expect(codeOf(requestBy(1), lineage, 2 * DAY)).toBeNull()
    expect(codeOf(requestBy(1), other, 2 * DAY + 1)).toBe('refresh.too_soon')
  })

  it('counts a version once, when it is installed again', () => {
    const { askers, codeOf } = refreshedBy1()
    askers.installed(lineage, 'next version', DAY)
    expect(codeOf(requestBy(1), lineage, DAY)).toBeNull()
  })
})
