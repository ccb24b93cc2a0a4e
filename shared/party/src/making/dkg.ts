import { Refusal } from '@quorate/shared/errors'
import type { ByIndex } from '@quorate/shared/mpc'
import type { Held, Made, Step } from '@quorate/shared/schemes/scheme'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import { RoundTwoSecret, type Roster, type RoundOne, type RoundTwo } from '@quorate/shared/wire/keygen'
import type { Digest } from '@quorate/shared/wire/ids'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { SharePlace } from '../ports.ts'

/** A step of the scheme's protocol whose further input is at hand. */
export type MakingStep = Step<null, Made>
export type MakingHeld = Held<null, Made>

/**
 * What is being made: a key, or new shares of one. `ceremony` is D, or the digest of the request for a refresh; `epoch` and
 * `previous` go into the certificate.
 */
export type Making = Readonly<{
  roster: Roster
  ceremony: Digest
  epoch: number
  previous: Digest | null
  /** Round one of participant `index`. Throws `MpcError`. */
  begin: (index: number) => MakingStep
  /** What the outcome must be, beside a share of a key. Throws `certificate.invalid`. */
  check: (made: Made) => void
  /** Seals the share with what belongs to it, for its place. */
  keep: (place: SharePlace, share: Uint8Array) => string
}>

/** What all seats of one attempt share. */
export type Attempt = Readonly<{ making: Making; attempt: number }>

const hostOf = ({ making }: Attempt, index: number) => {
  const participant = making.roster.skeleton.participants[index - 1]
  if (participant === undefined) throw new Refusal('keygen.out_of_order')
  return participant.host.identity
}

/** Wipes a step that is not the one that the round expects. */
function misstep(step: MakingStep): never {
  if ('held' in step) step.held.destroy()
  else step.done.share.fill(0)
  throw new Refusal('enclave.failed')
}

/** Round one: the secret that stays, and the message, signed. */
export async function openRound(
  { keys }: Parts,
  { making, attempt }: Attempt,
  index: number,
): Promise<{ held: MakingHeld; message: RoundOne }> {
  const step = orRefuse('keygen.bad_package', () => making.begin(index))
  if (!('toAll' in step)) return misstep(step)
  const { keyId } = making.roster.skeleton
  const body = { keyId, ceremony: making.ceremony, attempt, from: index, package: toBase64url(step.toAll) }
  return { held: step.held, message: await keys.sign('round-one', body) }
}

/**
 * All n messages, in the order of indices, of this attempt, each signed by its participant's host, the own one as it left. Throws
 * `keygen.bad_package` with the culprits.
 */
export async function checkRoundOne(attempt: Attempt, own: RoundOne, messages: readonly RoundOne[]): Promise<void> {
  const { keyId, participants } = attempt.making.roster.skeleton
  if (messages.length !== participants.length) throw new Refusal('keygen.out_of_order')
  const culprits: number[] = []
  for (const [at, message] of messages.entries()) {
    const { body } = message
    const index = at + 1
    const fits =
      body.from === index &&
      body.keyId === keyId &&
      body.ceremony === attempt.making.ceremony &&
      body.attempt === attempt.attempt &&
      (index !== own.body.from || message.signature === own.signature) &&
      (await verifyBody(hostOf(attempt, index).signKey, 'round-one', message))
    if (!fits) culprits.push(index)
  }
  if (culprits.length > 0) throw new Refusal('keygen.bad_package', culprits)
}

const roundTwoContext = ({ making, attempt }: Attempt, from: number, to: number) => [
  'round-two',
  making.roster.skeleton.keyId,
  making.ceremony,
  attempt,
  from,
  to,
  making.epoch,
]

/** Round two, of messages that have been checked: a package for each of the others, sealed. Throws `keygen.bad_package`. */
export function deal(
  { peers }: Parts,
  attempt: Attempt,
  held: MakingHeld,
  from: number,
  messages: readonly RoundOne[],
): { held: MakingHeld; transcript: Digest; answer: RoundTwo[] } {
  const transcript = digestOf('transcript', messages)
  const packages = new Map(messages.map(({ body }) => [body.from, fromBase64url(body.package)]))
  const step = orRefuse('keygen.bad_package', () => held.go(packages, null))
  if (!('toEach' in step)) return misstep(step)
  const answer = [...step.toEach].map(([to, secretPackage]) => {
    const plaintext = encode({ transcript, package: secretPackage })
    const sealed = peers.sealFor(hostOf(attempt, to), roundTwoContext(attempt, from, to), plaintext)
    plaintext.fill(0)
    secretPackage.fill(0)
    return { from, to, sealed: toBase64url(sealed) }
  })
  return { held: step.held, transcript, answer }
}

/**
 * Opens what the others sealed to participant `to`. A sender that saw another round one than this seat is named: equivocation. Who
 * takes the packages wipes them. Throws `keygen.equivocation`, or `keygen.bad_package` with the culprits.
 */
export function openRoundTwo(
  parts: Parts,
  attempt: Attempt,
  { index: to, transcript }: Readonly<{ index: number; transcript: Digest }>,
  packages: readonly RoundTwo[],
): ByIndex {
  const opened = new Map<number, Uint8Array>()
  const liars: number[] = []
  for (const message of packages) {
    if (message.to !== to || message.from === to || opened.has(message.from)) throw new Refusal('keygen.out_of_order')
    const plaintext = openFromSender(parts, attempt, message)
    const parsed = RoundTwoSecret.safeParse(decode(plaintext))
    plaintext.fill(0)
    if (!parsed.success) throw new Refusal('keygen.bad_package', [message.from])
    if (parsed.data.transcript !== transcript) liars.push(message.from)
    opened.set(message.from, parsed.data.package)
  }
  if (liars.length > 0) throw new Refusal('keygen.equivocation', liars)
  if (opened.size !== attempt.making.roster.skeleton.participants.length - 1) throw new Refusal('keygen.out_of_order')
  return opened
}

function openFromSender({ peers }: Parts, attempt: Attempt, { from, to, sealed }: RoundTwo): Uint8Array {
  try {
    return peers.openFrom(hostOf(attempt, from), roundTwoContext(attempt, from, to), fromBase64url(sealed))
  } catch (error) {
    if (error instanceof Refusal && error.code === 'seal.invalid') throw new Refusal('keygen.bad_package', [from])
    throw error
  }
}

/** Round three: the new share, checked, which the caller wipes. Throws `keygen.bad_package` with the culprits. */
export function finish(held: MakingHeld, round2: ByIndex): Made {
  const step = orRefuse('keygen.bad_package', () => held.go(round2, null))
  return 'done' in step ? step.done : misstep(step)
}
