import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Skeleton } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import {
  after,
  all,
  hosts,
  installs,
  JOIN_BY,
  machine,
  nameOf,
  prepares,
  refuses,
  registers,
  reserved,
  seesAll,
  sendsOne,
  transition,
  type KeygenEvent,
} from '../../test/keygen-session.ts'

/*
 * The keygen of a key that was dealt. What it has in common with every other: `keygen.test.ts`.
 */
const { effects } = machine
const skeleton = { dealt: { by: 'u1' } } as unknown as Skeleton
const inits = hosts.map((enclaveId) => ({ enclaveId, sealed: 'init' }))
const fixed: KeygenEvent = { type: 'told', word: { type: 'initialised', skeleton, inits, joinBy: JOIN_BY } }
const accepts = (index: number, digest = 'd'): KeygenEvent => ({
  ...{ type: 'said', round: 'accept', attempt: 1, index },
  says: {
    certificate: { groupKey: digest } as CertificateBody,
    signature: `v${index}`,
    sealedShare: `share${index}`,
  },
})
const accepting = after(reserved, fixed, ...all(registers), seesAll)
const accepted = after(accepting, ...all((index) => accepts(index)))

describe('a keygen of a key that was dealt', () => {
  it('has one round in place of a DKG, and then the two steps of every keygen', () => {
    expect(nameOf(accepting)).toBe('accept')
    expect(effects(accepting)).toHaveLength(3)
    for (const event of [sendsOne(1), prepares(1)]) expect(transition(accepting, event)).toBe(accepting)
    expect(nameOf(accepted)).toBe('prepare')
    expect(nameOf(after(accepted, ...all(prepares), ...all(installs)))).toBe('completed')
  })

  it('asks a host that is away again, and begins anew when one has restarted before all had prepared', () => {
    expect(nameOf(after(accepting, accepts(1), refuses('enclave.unreachable')))).toBe('accept')
    for (const lost of [
      after(accepting, refuses('keygen.out_of_order')),
      after(accepted, prepares(1), refuses('key.unknown')),
    ]) {
      expect(nameOf(lost)).toBe('gathering')
      const again = after(lost, seesAll)
      expect([nameOf(again), again.attempt]).toEqual(['accept', 2])
    }
  })

  it('fails when a host certifies another key, which it names, or has no share of the key, which names nobody', () => {
    const other = after(accepting, accepts(1), accepts(2), accepts(3, 'other'))
    expect(other.stage).toMatchObject({ name: 'failed', code: 'keygen.certificate_mismatch', culprits: [3] })
    const none = after(accepting, accepts(1), refuses('keygen.dealt_invalid'))
    expect(none.stage).toMatchObject({ name: 'failed', code: 'keygen.dealt_invalid', culprits: [] })
  })
})
