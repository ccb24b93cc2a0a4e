import { describe, expect, it } from 'vitest'
import { takenManifest } from '../../test/release/signed-manifest.ts'
import { keepTaken } from './taken-manifests.ts'

const old = await takenManifest(1, 0, 10)
const inForce = await takenManifest(2, 0, 20)
const coming = await takenManifest(3, 30, 100)
const next = await takenManifest(4, 40, 110)

describe('what is kept for an enclave', () => {
  it('is the manifest in force and the one that is coming', () => {
    expect(keepTaken([], coming, 50)).toEqual([coming])
    expect(keepTaken([old, inForce], coming, 50)).toEqual([inForce, coming])
  })

  it('is no manifest that was called back before it came into force', () => {
    expect(keepTaken([inForce, coming], next, 50)).toEqual([inForce, next])
    expect(keepTaken([coming], next, 50)).toEqual([next])
  })

  it('is nothing but the new one once that is in force', () => {
    expect(keepTaken([inForce, coming], next, 110)).toEqual([next])
  })
})
