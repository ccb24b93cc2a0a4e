import { describe, expect, it } from 'vitest'
import { loadMpc } from '../mpc/src/index.ts'
import { schemeOf } from '../src/schemes/cryptography.ts'
import { schemeNames } from '../src/schemes/table.ts'
import { makeKey, quorumsOf, refreshKey, sign, useOf } from './schemes/run.ts'

const mpc = await loadMpc()

describe.each(schemeNames)('%s', (name) => {
  const scheme = schemeOf(mpc, name)

  it('is the same scheme each time', () => {
    expect(schemeOf(mpc, name)).toBe(scheme)
  })

  it('makes a key, refreshes it, and signs with each quorum', () => {
    const key = refreshKey(scheme, makeKey(scheme, 3, 2))
    const of = useOf(scheme, key, Uint8Array.of(1, 2, 3))
    for (const quorum of quorumsOf(key)) expect(scheme.use.sign.verify(of, sign(scheme, key, quorum, of))).toBe(true)
    for (const [index, made] of key.made) expect(scheme.isShareOf(index, made)).toBe(true)
    expect(scheme.isShareOf(2, key.made.get(1)!)).toBe(false)
  })
})
