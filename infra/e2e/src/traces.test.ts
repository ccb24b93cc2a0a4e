import { describe, expect, it } from 'vitest'
import { nonceUse } from './traces.ts'

const at = { enclave: 'enclave-0', signingId: '5e', index: 1, attempt: 1 }
const committed = (commitment: string, place = at) => ({ event: 'nonce.committed' as const, commitment, ...place })
const spent = (commitment: string, place = at) => ({
  ...{ event: 'nonce.spent' as const, commitment, packageDigest: 'd1' },
  ...place,
})

describe('the use of nonces, by the logs of enclaves', () => {
  it('is right when each is spent once at most, for what it was made for', () => {
    expect(nonceUse([committed('c1'), committed('c2'), spent('c1')])).toEqual({ committed: 2, spent: 1, faults: [] })
  })

  it.each([
    ['made twice', [committed('c1'), committed('c1')]],
    ['spent twice', [committed('c1'), spent('c1'), spent('c1')]],
    ['spent by another', [committed('c1'), spent('c1', { ...at, enclave: 'enclave-1' })]],
    ['spent by another', [committed('c1'), spent('c1', { ...at, attempt: 2 })]],
    ['spent by another', [spent('c1')]],
  ])('is wrong when one is %s', (fault, log) => {
    expect(nonceUse(log as Parameters<typeof nonceUse>[0]).faults).toEqual([expect.stringContaining(fault)])
  })
})
