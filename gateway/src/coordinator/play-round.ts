import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { digestOf, verifyBody } from '@quorate/shared/seal/sign'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveId, SignKey } from '@quorate/shared/wire/ids'
import type { CertificateBody, RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { RoundEffect, RoundEvent } from '../rounds/rounds.ts'
import { refusalOf } from './failures.ts'
import type { HostHealth } from './host-health.ts'
import type { Ports } from './ports.ts'
import type { SessionKind } from '../store/store.ts'

type Place = Readonly<{ index: number; attempt: number }>

/** How one host is asked for its part of each round, and which certificate is expected of it. */
export type RoundCalls = Readonly<{
  round1: (place: Place) => Promise<HostResult<'keygen.round1'>>
  round2: (place: Place & { messages: RoundOne[] }) => Promise<HostResult<'keygen.round2'>>
  round3: (place: Place & { packages: RoundTwo[] }) => Promise<HostResult<'keygen.round3'>>
  accepts: (body: CertificateBody) => boolean
  signKey: SignKey
}>

/** One participant's part of one round, at its enclave. */
export async function playRound(effect: RoundEffect, calls: RoundCalls): Promise<RoundEvent> {
  const { attempt, index } = effect
  const place = { attempt, index }
  switch (effect.type) {
    case 'round1': {
      const { message } = await calls.round1(place)
      return { type: 'round_one_sent', ...place, message }
    }
    case 'round2': {
      const { packages } = await calls.round2({ ...place, messages: [...effect.messages] })
      return { type: 'round_two_sent', ...place, packages }
    }
    case 'round3': {
      const given = await calls.round3({ ...place, packages: [...effect.packages] })
      const { certificate: body, signature, sealedShare } = given
      if (!calls.accepts(body) || !(await verifyBody(calls.signKey, 'certificate', { body, signature })))
        throw new Refusal('keygen.certificate_mismatch', [index])
      const answer = { digest: digestOf('certificate', body), signature, sealedShare }
      return { type: 'certified', ...place, body, answer }
    }
  }
}

type Refused = { type: 'refused'; attempt: number; index: number; code: RefusalCode; culprits: readonly number[] }
type Asked = Readonly<{ where: SessionKind; attempt: number; index: number; enclaveId: EnclaveId | undefined }>

/** What came of asking an enclave. One that is not well is remembered. Never rejects. */
export async function heard<E>(
  tools: Readonly<{ ports: Ports; health: HostHealth }>,
  { where, attempt, index, enclaveId }: Asked,
  ask: () => Promise<E>,
): Promise<E | Refused> {
  try {
    const event = await ask()
    if (enclaveId) tools.health.worked(enclaveId)
    return event
  } catch (error) {
    return { type: 'refused', attempt, index, ...refusalOf(tools, { where, enclaveId, error }) }
  }
}

/** Has these enclaves verify each other once per attempt, whoever of it asks first. */
export function createIntroducing(
  { enclaves }: Pick<Ports, 'enclaves'>,
  ids: readonly EnclaveId[],
): (attempt: number) => Promise<void> {
  let introduction: { attempt: number; done: Promise<void> } | null = null
  return (attempt) => {
    if (introduction?.attempt !== attempt) introduction = { attempt, done: enclaves.introduce([...new Set(ids)]) }
    return introduction.done
  }
}
