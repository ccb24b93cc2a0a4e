import { digestOf } from '@quorate/shared/crypto/sign'
import { defaultScheme } from '@quorate/shared/schemes/table'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import { EnclaveId, type KeyId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { RoundOne, Skeleton } from '@quorate/shared/wire/keygen'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import type { Event } from '../engine/machine.ts'
import { keygenCourse } from './keygen.ts'
import type { KeygenSession, KeygenTerms, Registered } from './keygen-terms.ts'

/*
 * The keygen of a key that was dealt, in three seats. What it has in common with every other: `keygen.test.ts`. The machine opens
 * nothing, so that markers will do.
 */
type KeygenEvent = Event<KeygenTerms>
const { effects, transition, after } = machineOf(keygenCourse)

const indices = [1, 2, 3]
const hosts = indices.map((index) => EnclaveId.parse(`enclave-${index}`))
const all = (event: (index: number) => KeygenEvent): KeygenEvent[] => indices.map((index) => event(index))

const reserved: KeygenSession = {
  id: 'k',
  keyId: 'k' as KeyId,
  seats: hosts.map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: {
    holder: 'h',
    scheme: defaultScheme,
    threshold: 2,
    expiresAt: 1_000,
    people: hosts.map((enclaveId, at) => ({ userId: `u${at + 1}`, identity: { enclaveId } as EnclaveIdentity })),
    plan: { name: 'reserved', initBy: 1_000 },
  },
  stage: { name: 'waiting' },
}
const skeleton = { dealt: { by: 'u1' } } as unknown as Skeleton
const inits = hosts.map((enclaveId) => ({ enclaveId, sealed: 'init' }))
const fixed: KeygenEvent = { type: 'told', word: { type: 'initialised', skeleton, inits, joinBy: 500 } }
const registers = (index: number): KeygenEvent => ({
  type: 'told',
  word: { type: 'registered', index, registered: { sealed: `s${index}` } as Registered },
})
const seesAll: KeygenEvent = { type: 'hosts_seen', available: hosts, now: 0 }
const accepts = (index: number, digest = 'd'): KeygenEvent => ({
  ...{ type: 'said', round: 'accept', attempt: 1, index },
  says: {
    certificate: { groupKey: digest } as CertificateBody,
    signature: `v${index}`,
    sealedShare: `share${index}`,
  },
})
const sendsOne = (index: number): KeygenEvent => ({
  ...{ type: 'said', round: 'round1', attempt: 1, index },
  says: { message: { signature: `m${index}` } as RoundOne },
})
const word = (index: number): Prepared => ({ body: { index, word: `${index}` }, signature: '' }) as Prepared
const prepares = (index: number): KeygenEvent => ({
  ...{ type: 'said', round: 'prepare', attempt: 1, index },
  says: { prepared: word(index) },
})
const installs = (index: number): KeygenEvent => ({
  ...{ type: 'said', round: 'install', attempt: 1, index },
  says: {
    installed: {
      body: { index, preparedDigest: digestOf('prepared-all', indices.map(word)) },
      signature: '',
    } as Installed,
  },
})
type Code = Extract<KeygenEvent, { type: 'refused' }>['code']
const refuses = (code: Code): KeygenEvent => ({ type: 'refused', attempt: 1, index: 3, code, culprits: [] })

const nameOf = ({ stage }: KeygenSession) => (stage.name === 'asking' ? stage.round : stage.name)
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
      expect(nameOf(lost)).toBe('waiting')
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
