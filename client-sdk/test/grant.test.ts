import { describe, expect, it } from 'vitest'
import { readGrant, usualContent } from '../src/cli/grant.ts'
import { UsageError } from '../src/cli/usage.ts'

const options = { standing: 'alice, bob', until: '24h', limit: '10/1h' }

describe('a standing grant from the command line', () => {
  it('covers what was named, and without a name nothing that must stand alone', () => {
    expect(readGrant({ ...options, content: usualContent }, 5)).toEqual({
      askers: ['alice', 'bob'],
      content: ['bytes', 'nostr-event'],
      givenAt: 5,
      expiresAt: 86_400_005,
      limit: { count: 10, per: 3_600_000 },
    })
    expect(readGrant({ ...options, content: ['raw'] }, 0)).toMatchObject({ content: ['raw'] })
  })

  it('is a usage error when raw bytes stand beside another type', () => {
    expect(() => readGrant({ ...options, content: ['raw', 'bytes'] }, 0)).toThrow(UsageError)
    expect(() => readGrant({ ...options, content: ['raw', 'bytes'] }, 0)).toThrow(/raw is named alone/)
  })
})
