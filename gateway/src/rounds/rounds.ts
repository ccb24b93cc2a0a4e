import type { RefusalCode } from '@quorate/shared/errors'
import type { Certificate, CertificateBody, RoundOne, RoundTwo, SealedShare } from '@quorate/shared/wire/keygen'

/** What has come in so far, by participant index. */
export type Inbox<T> = Readonly<Partial<Record<number, T>>>

/** One host's word on the key: `digest` is H(certificate, body), and the body stands once in the round. */
export type Certified = Readonly<{ digest: string; signature: string; sealedShare: string }>

/** The three rounds of a DKG, which a keygen and a refresh have in common. */
export type Round =
  | Readonly<{ name: 'round1'; messages: Inbox<RoundOne> }>
  | Readonly<{ name: 'round2'; messages: readonly RoundOne[]; packages: Inbox<readonly RoundTwo[]> }>
  | Readonly<{
      name: 'round3'
      packages: readonly RoundTwo[]
      bodies: Readonly<Record<string, CertificateBody>>
      answers: Inbox<Certified>
    }>

/** How the rounds ended. */
export type Outcome =
  | Readonly<{ name: 'certified'; certificate: Certificate; shares: readonly SealedShare[] }>
  | Readonly<{ name: 'failed'; code: RefusalCode; culprits: readonly number[] }>

/** What hosts answer. `attempt` tells an answer of this attempt from a late one. */
export type RoundEvent =
  | { type: 'round_one_sent'; attempt: number; index: number; message: RoundOne }
  | { type: 'round_two_sent'; attempt: number; index: number; packages: readonly RoundTwo[] }
  | { type: 'certified'; attempt: number; index: number; body: CertificateBody; answer: Certified }

/** What is owed: each goes to the participant's enclave. */
export type RoundEffect =
  | { type: 'round1'; attempt: number; index: number }
  | { type: 'round2'; attempt: number; index: number; messages: readonly RoundOne[] }
  | { type: 'round3'; attempt: number; index: number; packages: readonly RoundTwo[] }

type Event<T extends RoundEvent['type']> = Extract<RoundEvent, { type: T }>
type In<N extends Round['name']> = Extract<Round, { name: N }>

/** What has been begun so often has something wrong with it that another attempt will not mend. */
export const MAX_ATTEMPTS = 8

export const firstRound: Round = { name: 'round1', messages: {} }

/** Refusals that blame nobody's package: the host was away, restarted, or stands in another round. */
export const retried: ReadonlySet<RefusalCode> = new Set([
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
  'enclave.busy',
  'enclave.failed',
  'keygen.unknown',
  'keygen.out_of_order',
  'key.unknown',
  'peer.unknown',
])

const numbers = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1)
/** Which of the participants 1…n are not in the inbox. */
export const missing = (n: number, inbox: Inbox<unknown>): number[] => numbers(n).filter((index) => !(index in inbox))
export const inOrder = <T>(n: number, inbox: Inbox<T>): T[] =>
  numbers(n).flatMap((index) => (inbox[index] === undefined ? [] : [inbox[index]]))

/** Whose answer, of the participants 1…n, the round waits for. */
export function awaited(n: number, round: Round): number[] {
  switch (round.name) {
    case 'round1':
      return missing(n, round.messages)
    case 'round2':
      return missing(n, round.packages)
    case 'round3':
      return missing(n, round.answers)
  }
}

/** What an answer of this attempt leads to. Total and idempotent: one of another round, or a repeated one, gives `round` itself. */
export function advance(n: number, round: Round, event: RoundEvent): Round | Outcome {
  if (!awaited(n, round).includes(event.index)) return round
  switch (event.type) {
    case 'round_one_sent':
      return round.name === 'round1' ? roundOneSent(n, round, event) : round
    case 'round_two_sent':
      return round.name === 'round2' ? roundTwoSent(n, round, event) : round
    case 'certified':
      return round.name === 'round3' ? certified(n, round, event) : round
  }
}

function roundOneSent(n: number, round: In<'round1'>, event: Event<'round_one_sent'>): Round {
  const messages = { ...round.messages, [event.index]: event.message }
  if (missing(n, messages).length > 0) return { ...round, messages }
  return { name: 'round2', messages: inOrder(n, messages), packages: {} }
}

function roundTwoSent(n: number, round: In<'round2'>, event: Event<'round_two_sent'>): Round | Outcome {
  const others = numbers(n).filter((index) => index !== event.index)
  const whole =
    event.packages.length === others.length &&
    others.every((index) => event.packages.some(({ from, to }) => from === event.index && to === index))
  if (!whole) return { name: 'failed', code: 'keygen.bad_package', culprits: [event.index] }
  const packages = { ...round.packages, [event.index]: event.packages }
  if (missing(n, packages).length > 0) return { ...round, packages }
  return { name: 'round3', packages: inOrder(n, packages).flat(), bodies: {}, answers: {} }
}

function certified(n: number, round: In<'round3'>, event: Event<'certified'>): Round | Outcome {
  const bodies = { ...round.bodies, [event.answer.digest]: event.body }
  const answers = { ...round.answers, [event.index]: event.answer }
  if (missing(n, answers).length > 0) return { ...round, bodies, answers }
  const digests = Object.keys(bodies)
  const [digest = ''] = digests
  const body = bodies[digest]
  if (digests.length !== 1 || !body)
    return { name: 'failed', code: 'keygen.certificate_mismatch', culprits: minority(n, answers, digests) }
  const given = inOrder(n, answers)
  return {
    name: 'certified',
    certificate: { body, signatures: given.map(({ signature }) => signature) },
    shares: given.map(({ sealedShare }, at) => ({ index: at + 1, sealed: sealedShare })),
  }
}

/** Who certified something else than more than half of the others. Nobody, when no half agrees. */
function minority(n: number, answers: Inbox<Certified>, digests: readonly string[]): number[] {
  const sayers = (digest: string) => numbers(n).filter((index) => answers[index]?.digest === digest)
  const most = digests.find((digest) => sayers(digest).length * 2 > n)
  return most === undefined ? [] : numbers(n).filter((index) => answers[index]?.digest !== most)
}

/** The work still owed in a round. */
export function owed(n: number, round: Round, attempt: number): readonly RoundEffect[] {
  const waiting = awaited(n, round)
  switch (round.name) {
    case 'round1':
      return waiting.map((index) => ({ type: 'round1', attempt, index }))
    case 'round2':
      return waiting.map((index) => ({ type: 'round2', attempt, index, messages: round.messages }))
    case 'round3':
      return waiting.map((index) => ({
        type: 'round3',
        attempt,
        index,
        packages: round.packages.filter((part) => part.to === index),
      }))
  }
}

/** The round to which an answer belongs. */
export const roundOf = { round_one_sent: 'round1', round_two_sent: 'round2', certified: 'round3' } as const
