import { describe, expect, it } from 'vitest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import { nothing, type Memory } from './epochs.ts'
import { createMemories, type KeyName } from './memories.ts'

const key = (name: string): KeyName => ({ keyId: `id of ${name}`, lineage: name as Digest })
const version = (epoch: number, name: string): Version => ({ epoch, digest: name as Digest })
const isAt = (current: Version): Memory => ({ ...nothing, current })

describe('the memory of an enclave', () => {
  it('takes no further key when it is full, and forgets none', () => {
    const memories = createMemories(2)
    const refreshed = isAt(version(1, 'new'))
    memories.keep(key('a'), refreshed)
    memories.keep(key('b'), refreshed)
    for (const name of ['c', 'd', 'e']) expect(() => memories.keep(key(name), refreshed)).toThrow('as many sessions')
    expect(memories.of('a' as Digest)).toBe(refreshed)
    memories.keep(key('a'), isAt(version(2, 'newer')))
    expect(memories.of('a' as Digest).current?.epoch).toBe(2)
  })

  it('knows which first versions this life has certified, until one is installed', () => {
    const memories = createMemories()
    const [first, second] = [version(0, 'first'), version(0, 'second')]
    memories.certified(key('k'), first)
    memories.certified(key('k'), second)
    const areCertified = () => [first, second].map(({ digest }) => memories.isCertified('k' as Digest, digest))
    expect(areCertified()).toEqual([true, true])
    expect(memories.of('k' as Digest)).toBe(nothing)
    memories.keep(key('k'), isAt(second))
    expect(areCertified()).toEqual([false, false])
  })

  it('certifies no other first version once it is at one, and at none takes its word for the one before back', () => {
    const memories = createMemories()
    const [first, second] = [version(0, 'first'), version(0, 'second')]
    memories.certified(key('k'), first)
    memories.keep(key('k'), { ...nothing, prepared: first, word: 'w' })
    memories.certified(key('k'), first)
    expect(memories.of('k' as Digest).word).toBe('w')
    memories.certified(key('k'), second)
    expect(memories.of('k' as Digest)).toEqual(nothing)
    memories.keep(key('k'), isAt(second))
    expect(() => memories.certified(key('k'), version(0, 'third'))).toThrow('makes no other')
  })

  it('knows one key under an id, and another only where it remembers none', () => {
    const memories = createMemories()
    const memory = isAt(version(0, 'x'))
    const rival: KeyName = { keyId: key('k').keyId, lineage: 'another' as Digest }
    memories.requireOnly(rival.keyId, rival.lineage)
    memories.keep(key('k'), memory)
    for (const lineage of [rival.lineage, null])
      expect(() => memories.requireOnly(rival.keyId, lineage)).toThrow('another key')
    expect(() => memories.keep(rival, memory)).toThrow('another key')
    expect(memories.of(rival.lineage)).toBe(nothing)
    memories.requireOnly(rival.keyId, key('k').lineage)
  })
})
