import type { RefusalCode } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Certificate, SealedShare } from '@quorate/shared/wire/certificate'
import type { Inbox, Refused } from '../engine/course.ts'
import { inOrder } from '../engine/machine.ts'

/*
 * The three rounds of a DKG, which every ceremony has that makes or renews shares. Each function takes the indices of those who take
 * part, and their answers.
 */

/** What the rounds before have given to each round of a DKG. */
export type DkgGiven = {
  round1: null
  round2: Readonly<{ messages: readonly RoundOne[] }>
  round3: Readonly<{ packages: readonly RoundTwo[] }>
}

/** What a DKG comes to: the certificate that all hosts signed, and their sealed shares. */
export type Certified = Readonly<{ certificate: Certificate; shares: readonly SealedShare[] }>
type Failure = Readonly<{ then: 'fail'; code: RefusalCode; culprits: readonly number[] }>
type Says<R extends keyof DkgGiven> = HostResult<`keygen.${R}`>

/** Refusals that blame nobody's package: the host was away, restarted, or stands in another round. */
export const startsOver: ReadonlySet<RefusalCode> = new Set([
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
  'enclave.busy',
  'enclave.failed',
  'keygen.unknown',
  'keygen.out_of_order',
  'keygen.misdelivered',
  'key.unknown',
  'peer.unknown',
])

/** The host remembers the attempt, and may have its answer by now. */
const isLate: ReadonlySet<RefusalCode> = new Set(['enclave.timeout', 'enclave.busy'])
/** How often a seat is asked in one round while its host is late; those in which the host rested count too. */
const MOST_TRIES = 24

/**
 * What a refusal in a round of a DKG leads to. Who is out of reach or late is asked the same again once it has answered a
 * hello, and what the others have said stands: a host that has answered repeats its answer. A host that has forgotten the attempt says so.
 * Then all begin anew, since its secrets are gone, and its new message would make another transcript.
 */
export function afterRefusal(
  { tries }: Readonly<{ tries: Inbox<number> }>,
  { index, code, culprits }: Refused,
): Failure | Readonly<{ then: 'ask_again' | 'new_attempt' }> {
  if (code === 'enclave.unreachable') return { then: 'ask_again' }
  if (isLate.has(code) && (tries[index] ?? 0) < MOST_TRIES) return { then: 'ask_again' }
  return startsOver.has(code) ? { then: 'new_attempt' } : { then: 'fail', code, culprits }
}

export const settleRoundOne = (indices: readonly number[], said: Inbox<Says<'round1'>>) =>
  ({
    then: 'begin',
    round: 'round2',
    given: { messages: inOrder(indices, said).map(({ message }) => message) },
  }) as const

/** Whoever did not send one package to each of the others is to blame. */
export function settleRoundTwo(indices: readonly number[], said: Inbox<Says<'round2'>>) {
  const short = indices.filter((from) => !isWhole(indices, from, said[from]?.packages ?? []))
  if (short.length > 0) return { then: 'fail', code: 'keygen.bad_package', culprits: short } as const
  const packages = inOrder(indices, said).flatMap((says) => says.packages)
  return { then: 'begin', round: 'round3', given: { packages } } as const
}

/** Has this host sent one package to each of the others? */
export function isWhole(indices: readonly number[], index: number, packages: readonly RoundTwo[]): boolean {
  const others = indices.filter((other) => other !== index)
  return (
    packages.length === others.length &&
    others.every((other) => packages.some(({ body }) => body.from === index && body.to === other))
  )
}

export const packagesFor = ({ packages }: DkgGiven['round3'], index: number): RoundTwo[] =>
  packages.filter(({ body }) => body.to === index)

/** What a host says when it has certified. */
export type Certification = Says<'round3'>

/** All hosts must have certified the same. */
export function certifiedBy(indices: readonly number[], said: Inbox<Certification>): Certified | Failure {
  const digests = new Map(indices.map((index) => [index, digestOf('certificate', said[index]?.certificate ?? null)]))
  const answers = inOrder(indices, said)
  const body = answers[0]?.certificate
  if (new Set(digests.values()).size !== 1 || !body)
    return { then: 'fail', code: 'keygen.certificate_mismatch', culprits: minority(indices, digests) }
  return {
    certificate: { body, signatures: answers.map(({ signature }) => signature) },
    shares: answers.map(({ sealedShare }, at) => ({ index: indices[at] ?? 0, sealed: sealedShare })),
  }
}

/** Who certified something else than more than half of the others. Nobody, when no half agrees. */
function minority(indices: readonly number[], digests: ReadonlyMap<number, string>): number[] {
  const sayers = (digest: string) => indices.filter((index) => digests.get(index) === digest)
  const most = [...digests.values()].find((digest) => sayers(digest).length * 2 > indices.length)
  return most === undefined ? [] : indices.filter((index) => digests.get(index) !== most)
}
