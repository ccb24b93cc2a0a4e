import { describe, expect, it } from 'vitest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import { made, nothing } from './epochs.ts'
import { createMemories, type KeyName } from './memories.ts'

const key = (name: string): KeyName => ({ keyId: `id of ${name}`, lineage: name as Digest })
const version = (epoch: number, name: string): Version => ({ epoch, digest: name as Digest })

describe('the memory of an enclave', () => {
  it('takes no further key when it is full, and forgets none', () => {
    const memories = createMemories(2)
    const refreshed = made(nothing, version(1, 'new'))
    memories.keep(key('a'), refreshed)
    memories.keep(key('b'), refreshed)
    for (const name of ['c', 'd', 'e']) expect(() => memories.keep(key(name), refreshed)).toThrow('as many sessions')
    expect(memories.of('a' as Digest)).toBe(refreshed)
    memories.keep(key('a'), made(nothing, version(2, 'newer')))
    expect(memories.of('a' as Digest).current?.epoch).toBe(2)
  })

  it('knows a key that was certified here once its certificate is complete, whichever attempt came through', () => {
    const memories = createMemories()
    memories.certified(key('k'), 'first' as Digest)
    memories.certified(key('k'), 'second' as Digest)
    expect(memories.of('k' as Digest)).toBe(nothing)
    memories.completed(key('k'), version(0, 'another'))
    expect(memories.of('k' as Digest)).toBe(nothing)
    memories.completed(key('k'), version(0, 'second'))
    expect(memories.of('k' as Digest).current?.digest).toBe('second')
    memories.completed(key('k'), version(0, 'first'))
    expect(memories.of('k' as Digest).current?.digest).toBe('second')
  })

  it('is not taken back by a certificate of the same key that is made again', () => {
    const memories = createMemories()
    memories.keep(key('k'), made(nothing, version(1, 'new')))
    memories.certified(key('k'), 'again' as Digest)
    memories.completed(key('k'), version(0, 'again'))
    expect(memories.of('k' as Digest).current?.digest).toBe('new')
  })

  it('knows one key under an id, and another only where it remembers none', () => {
    const memories = createMemories()
    const memory = made(nothing, version(0, 'x'))
    const rival: KeyName = { keyId: key('k').keyId, lineage: 'another' as Digest }
    memories.requireOnly(rival.keyId, rival.lineage)
    memories.keep(key('k'), memory)
    for (const lineage of [rival.lineage, null])
      expect(() => memories.requireOnly(rival.keyId, lineage)).toThrow('another key')
    expect(() => memories.keep(rival, memory)).toThrow('another key')
    memories.certified(rival, 'x' as Digest)
    expect(() => memories.completed(rival, version(0, 'x'))).toThrow('another key')
    expect(memories.of(rival.lineage)).toBe(nothing)
    memories.requireOnly(rival.keyId, key('k').lineage)
  })
})
