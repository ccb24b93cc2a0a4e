import { describe, expect, it } from 'vitest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import { made, nothing } from './epochs.ts'
import { createMemories } from './memories.ts'

const version = (epoch: number, name: string): Version => ({ epoch, digest: name as Digest })

describe('the memory of an enclave', () => {
  it('takes no further key when it is full, and forgets none', () => {
    const memories = createMemories(2)
    const refreshed = made(nothing, version(1, 'new'))
    memories.keep('a', refreshed)
    memories.keep('b', refreshed)
    for (const name of ['c', 'd', 'e']) expect(() => memories.keep(name, refreshed)).toThrow('as many sessions')
    expect(memories.of('a')).toBe(refreshed)
    memories.keep('a', made(nothing, version(2, 'newer')))
    expect(memories.of('a').current?.epoch).toBe(2)
  })

  it('knows a key that was certified here once its certificate is complete, whichever attempt came through', () => {
    const memories = createMemories()
    memories.certified('k', 'first' as Digest)
    memories.certified('k', 'second' as Digest)
    expect(memories.of('k')).toBe(nothing)
    memories.completed('k', version(0, 'another'))
    expect(memories.of('k')).toBe(nothing)
    memories.completed('k', version(0, 'second'))
    expect(memories.of('k').current?.digest).toBe('second')
    memories.completed('k', version(0, 'first'))
    expect(memories.of('k').current?.digest).toBe('second')
  })

  it('is not taken back by a certificate of the same key that is made again', () => {
    const memories = createMemories()
    memories.keep('k', made(nothing, version(1, 'new')))
    memories.certified('k', 'again' as Digest)
    memories.completed('k', version(0, 'again'))
    expect(memories.of('k').current?.digest).toBe('new')
  })
})
