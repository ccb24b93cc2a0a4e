import { Digest, EnclaveId } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import { noManifests, settle, take, type Taken } from './manifests.ts'

const digestOf = (serial: number, mark = '0') => Digest.parse(mark + serial.toString(16).padStart(63, '0'))

function manifest(serial: number, effectiveAt: number, mark?: string): Taken {
  const manifestDigest = digestOf(serial, mark)
  const body = { enclaveId: EnclaveId.parse('enclave-0'), manifestDigest, serial, seenAt: 0 }
  return { manifestDigest, serial, images: [], effectiveAt, notice: { body, signature: '' } }
}

const stale = expect.objectContaining({ code: 'manifest.stale' }) as Error

describe('manifests', () => {
  it('come into force when their time has come, and not before', () => {
    const one = manifest(1, 100)
    const taken = take(noManifests, one, 0)
    expect(taken).toEqual({ inForce: null, coming: one })
    expect(settle(taken, 99)).toBe(taken)
    expect(settle(taken, 100)).toEqual({ inForce: one, coming: null })
  })

  it('leave the one in force where it is while a later one is coming', () => {
    const [one, two] = [manifest(1, 0), manifest(2, 100)]
    const both = take(take(noManifests, one, 0), two, 0)
    expect(both).toEqual({ inForce: one, coming: two })
    expect(settle(both, 100)).toEqual({ inForce: two, coming: null })
  })

  it('are called back by a later one before their time, and come no more', () => {
    const [bad, good] = [manifest(2, 100), manifest(3, 150)]
    const called = take(take(noManifests, bad, 0), good, 99)
    expect(called).toEqual({ inForce: null, coming: good })
    expect(settle(called, 120)).toEqual({ inForce: null, coming: good })
  })

  it('go up only: neither a lower serial is taken nor another body under the same one, in force or coming', () => {
    const inForce = take(noManifests, manifest(5, 0), 0)
    const coming = take(noManifests, manifest(5, 100), 0)
    for (const state of [inForce, coming])
      for (const other of [manifest(4, 0), manifest(5, 0, 'f')]) expect(() => take(state, other, 1)).toThrow(stale)
  })

  it('count from the earliest notice when they are taken again', () => {
    const late = take(noManifests, manifest(1, 100), 50)
    expect(take(late, manifest(1, 200), 60).coming?.effectiveAt).toBe(100)
    expect(take(late, manifest(1, 70), 60).coming?.effectiveAt).toBe(70)
    expect(take(late, manifest(1, 60), 60)).toMatchObject({ inForce: { serial: 1 }, coming: null })
    const inForce = settle(late, 100)
    expect(take(inForce, manifest(1, 300), 100)).toEqual(inForce)
  })
})
