import { describe, expect, it } from 'vitest'
import { readConsent, usualContent } from '../src/cli/consent.ts'
import { UsageError } from '../src/cli/usage.ts'

const options = { standing: 'alice, bob', until: '24h', limit: '10/1h' }

describe('a standing grant from the command line', () => {
  it('covers what was named, and without a name nothing that must stand alone', () => {
    expect(readConsent({ ...options, content: usualContent }, 0)).toEqual({
      kind: 'standing',
      grant: {
        askers: ['alice', 'bob'],
        content: ['bytes', 'nostr-event'],
        until: 86_400_000,
        limit: { count: 10, seconds: 3_600 },
      },
    })
    expect(readConsent({ ...options, content: ['raw'] }, 0)).toMatchObject({ grant: { content: ['raw'] } })
  })

  it('is a usage error when raw bytes stand beside another type', () => {
    expect(() => readConsent({ ...options, content: ['raw', 'bytes'] }, 0)).toThrow(UsageError)
    expect(() => readConsent({ ...options, content: ['raw', 'bytes'] }, 0)).toThrow(/raw is named alone/)
  })
})
