import { describe, expect, it } from 'vitest'
import type { EndCode, Entry, Kind } from './ledger.ts'
import { isClean, judge, type Evidence } from './verdict.ts'

const entry = (kind: Kind, code: EndCode | null): Entry => ({
  kind,
  id: 'a1',
  askedAt: 0,
  agreed: true,
  end: { code, took: 1 },
})
const nothing: Evidence = { entries: [], refused: [], open: [], faults: [] }
const judged = (evidence: Partial<Evidence>, unprovenIsFault = false) =>
  judge({ ...nothing, ...evidence }, { unprovenIsFault })

describe('the verdict', () => {
  it('is good when everything was completed, or failed with a code that says why', () => {
    const entries = [
      entry('signing', null),
      entry('signing', 'signing.expired'),
      entry('signing', 'epoch.stale'),
      entry('keygen', 'keygen.hosts_lost'),
      entry('refresh', 'refresh.hosts_lost'),
    ]
    const refused = [{ step: 'request', id: 'a1', code: 'gateway.unavailable' } as const]
    expect(isClean(judged({ entries, refused }))).toBe(true)
  })

  it('finds what the gateway has acknowledged and does not know', () => {
    expect(judged({ entries: [entry('signing', 'lost')] })).toEqual({ lost: ['signing a1'], stuck: [], wrong: [] })
  })

  it('finds what has no end, whoever says so', () => {
    const open: Entry = { kind: 'keygen', id: 'b2', askedAt: 0, agreed: true, end: null }
    const { stuck } = judged({ entries: [entry('signing', 'stuck'), open], open: ['generating_nonces'] })
    expect(stuck).toEqual(['signing a1', 'keygen b2', 'open in the database: generating_nonces'])
  })

  it.each(['nonce.spent', 'signing.bad_partial', 'internal', 'receipt.invalid', 'enclave.failed'] as const)(
    'finds wrong that a signing of honest people ends as %s',
    (code) => expect(judged({ entries: [entry('signing', code)] }).wrong).toEqual([`signing a1 ended as ${code}`]),
  )

  it('finds wrong that somebody was refused for no reason', () => {
    const refused = [{ step: 'approval', id: 'a1', code: 'consent.invalid' } as const]
    expect(judged({ refused }).wrong).toEqual(['approval a1 was refused as consent.invalid'])
  })

  it('counts what others have found', () => {
    expect(isClean(judged({ faults: ['a nonce was spent twice'] }))).toBe(false)
  })

  it('finds wrong that nobody knew the epoch, where it is told that this is a fault', () => {
    const entries = [entry('signing', 'epoch.unproven')]
    expect(isClean(judged({ entries }))).toBe(true)
    const fault = 'signing a1 ended as epoch.unproven, though two of three hosts were up'
    expect(judged({ entries }, true).wrong).toEqual([fault])
  })

  it('takes a signing that expired though all had agreed for one of which nobody knew the epoch', () => {
    const expired = entry('signing', 'signing.expired')
    expect(judged({ entries: [expired] }, true).wrong).toHaveLength(1)
    expect(isClean(judged({ entries: [{ ...expired, agreed: false }] }, true))).toBe(true)
  })
})
