import { describe, expect, it } from 'vitest'
import { loadMpc } from '../mpc/src/index.ts'
import { schemeOf } from '../src/schemes/cryptography.ts'
import { schemeNames } from '../src/schemes/table.ts'
import { badShares } from './schemes/bad-shares.ts'
import { checkScheme } from './schemes/check-scheme.ts'
import { subjectOf } from './schemes/subject.ts'

describe.each(schemeNames)('%s', (name) => {
  checkScheme(subjectOf(name, badShares[name], (mpc) => schemeOf(mpc, name)))

  it('is the same scheme each time it is asked for', async () => {
    const mpc = await loadMpc()
    expect(schemeOf(mpc, name)).toBe(schemeOf(mpc, name))
  })
})
