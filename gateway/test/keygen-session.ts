import { digestOf } from '@quorate/shared/crypto/sign'
import { defaultScheme } from '@quorate/shared/schemes/table'
import { EnclaveId, type KeyId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { RoundOne, RoundTwo, Skeleton } from '@quorate/shared/wire/keygen'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import { machineOf } from './machine-of.ts'
import type { Event } from '../src/engine/machine.ts'
import { keygenCourse } from '../src/courses/keygen.ts'
import type { KeygenSession, KeygenTerms, Registered } from '../src/courses/keygen-terms.ts'

export type KeygenEvent = Event<KeygenTerms>
export const machine = machineOf(keygenCourse)
export const { hasEnded, transition, after } = machine

/** Three participants on three enclaves; two are needed. The machine opens nothing, so that markers will do. */
export const EXPIRES = 1_000
/** When a keygen is over that nobody has joined. */
export const JOIN_BY = 500
export const hosts = ['enclave-1', 'enclave-2', 'enclave-3'].map((id) => EnclaveId.parse(id))
export const reservedUntil = (initBy: number): KeygenSession => ({
  id: 'k',
  keyId: 'k' as KeyId,
  seats: hosts.map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: {
    holder: 'h',
    scheme: defaultScheme,
    threshold: 2,
    expiresAt: EXPIRES,
    people: hosts.map((enclaveId, at) => ({
      userId: `u${at + 1}`,
      identity: { enclaveId } as EnclaveIdentity,
    })),
    plan: { name: 'reserved', initBy },
  },
  stage: { name: 'waiting' },
})
export const reserved = reservedUntil(EXPIRES)
export const initialises = (marker = 'first'): KeygenEvent => ({
  type: 'told',
  word: {
    type: 'initialised',
    skeleton: { marker } as unknown as Skeleton,
    inits: hosts.map((enclaveId) => ({ enclaveId, sealed: marker })),
    joinBy: JOIN_BY,
  },
})
export const registers = (index: number, sealed = `s${index}`): KeygenEvent => ({
  type: 'told',
  word: { type: 'registered', index, registered: { sealed } as Registered },
})
export const sees = (...available: number[]): KeygenEvent => ({
  type: 'hosts_seen',
  available: available.map((at) => hosts[at - 1]!),
  now: 0,
})
export const seesAll = sees(1, 2, 3)
export const sendsOne = (index: number, attempt = 1): KeygenEvent => ({
  ...{ type: 'said', round: 'round1', attempt, index },
  says: { message: { signature: `m${index}` } as RoundOne },
})
export const sendsTwo = (
  index: number,
  attempt = 1,
  to = [1, 2, 3].filter((other) => other !== index),
): KeygenEvent => ({
  ...{ type: 'said', round: 'round2', attempt, index },
  says: { packages: to.map((other) => ({ body: { from: index, to: other } }) as RoundTwo) },
})
export const certifies = (index: number, attempt = 1, digest = 'd'): KeygenEvent => ({
  ...{ type: 'said', round: 'round3', attempt, index },
  says: {
    certificate: { groupKey: digest } as CertificateBody,
    signature: `v${index}`,
    sealedShare: `share${index}`,
  },
})
export const word = (index: number, life = 1): Prepared =>
  ({ body: { index, word: `${index}/${life}` }, signature: '' }) as Prepared
export const prepares = (index: number, life = 1, attempt = 1): KeygenEvent => ({
  ...{ type: 'said', round: 'prepare', attempt, index },
  says: { prepared: word(index, life) },
})
export const over = (...lives: number[]) =>
  digestOf(
    'prepared-all',
    [1, 2, 3].map((index) => word(index, lives[index - 1] ?? 1)),
  )
export const installs = (index: number, preparedDigest = over(), attempt = 1): KeygenEvent => ({
  ...{ type: 'said', round: 'install', attempt, index },
  says: { installed: { body: { index, preparedDigest }, signature: '' } as Installed },
})
export type Code = Extract<KeygenEvent, { type: 'refused' }>['code']
export const refuses = (code: Code, index = 3, culprits: number[] = [], attempt = 1): KeygenEvent => ({
  ...{ type: 'refused', attempt, index, code, culprits },
})
export const timePasses = (now: number): KeygenEvent => ({ type: 'time_passed', now })

export const all = <T>(event: (index: number) => T): T[] => [1, 2, 3].map((index) => event(index))
/** What the world sees, with what the session has come to. */
export const phaseOf = (s: KeygenSession) => {
  const { stage } = s
  const name = keygenCourse.status({ version: 1, state: s }).state
  return stage.name === 'completed' ? { ...stage.result, name } : { ...stage, name }
}
export const nameOf = (s: KeygenSession) => {
  const { name } = phaseOf(s)
  if (name !== 'key_generation') return name
  return s.stage.name === 'asking' ? s.stage.round : 'gathering'
}
export const effects = (s: KeygenSession) =>
  machine.effects(s).map(({ type, ...ask }) => {
    if (!('question' in ask)) return { type }
    const { attempt, index, question } = ask
    return { type, attempt, index, ...('packages' in question ? { packages: question['packages'] } : {}) }
  })

export const collecting = after(reserved, initialises())
export const gathering = after(collecting, ...all(registers))
export const round1 = after(gathering, seesAll)
export const round2 = after(round1, ...all(sendsOne))
export const round3 = after(round2, ...all(sendsTwo))
export const certified = after(round3, ...all(certifies))
export const agreed = after(certified, ...all((index) => prepares(index)))
