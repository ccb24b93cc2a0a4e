import { Refusal } from '@quorate/shared/errors'
import type { ByIndex } from '@quorate/shared/mpc'
import type { Held, Made, Step } from '@quorate/shared/schemes/scheme'
import { digestOf } from '@quorate/shared/crypto/sign'
import { isRoundOneOf, isRoundTwoOf, type RoundFrame } from '@quorate/shared/verify/rounds'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Digest } from '@quorate/shared/wire/ids'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { Frame } from './certify.ts'

/** A step of the scheme's protocol whose further input is at hand. */
export type MakingStep = Step<null, Made>
export type MakingHeld = Held<null, Made>

/** What is being made, and how. */
export type Making = Frame &
  Readonly<{
    /** Round one of participant `index`. Throws `MpcError`. */
    begin: (index: number) => MakingStep
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

const frameOf = ({ making, attempt }: Attempt): RoundFrame => ({
  skeleton: making.roster.skeleton,
  ceremony: making.ceremony,
  attempt,
})

/**
 * All n messages, in the order of indices, of this attempt, each signed by its participant's host, the own one as it left. Throws
 * `keygen.misdelivered`, which accuses nobody, since who carries the list can make it anything.
 */
export async function checkRoundOne(attempt: Attempt, own: RoundOne, messages: readonly RoundOne[]): Promise<void> {
  const { participants } = attempt.making.roster.skeleton
  if (messages.length !== participants.length) throw new Refusal('keygen.out_of_order')
  for (const [at, message] of messages.entries()) {
    const index = at + 1
    const isOther = index === own.body.from && message.signature !== own.signature
    if (isOther || !(await isRoundOneOf(frameOf(attempt), index, message))) throw new Refusal('keygen.misdelivered')
  }
}

type Package = RoundTwo['body']

const contextOf = (
  { making }: Attempt,
  { keyId, ceremony, attempt, from, to, transcript }: Omit<Package, 'sealed'>,
): (string | number)[] => ['round-two', keyId, ceremony, attempt, from, to, making.epoch, transcript]

/**
 * Round two, of messages that have been checked: a package for each of the others, sealed, and still to be signed. Throws
 * `keygen.bad_package` with those who signed a message that the scheme refuses.
 */
export function deal(
  { peers }: Parts,
  of: Attempt,
  held: MakingHeld,
  from: number,
  messages: readonly RoundOne[],
): { held: MakingHeld; transcript: Digest; answer: Package[] } {
  const { making, attempt } = of
  const transcript = digestOf('transcript', messages)
  const packages = new Map(messages.map(({ body }) => [body.from, fromBase64url(body.package)]))
  const step = orRefuse('keygen.bad_package', () => held.go(packages, null))
  if (!('toEach' in step)) return misstep(step)
  const { keyId } = making.roster.skeleton
  const answer = [...step.toEach].map(([to, secretPackage]) => {
    const place = { keyId, ceremony: making.ceremony, attempt, from, to, transcript }
    const sealed = peers.sealFor(hostOf(of, to), contextOf(of, place), secretPackage)
    secretPackage.fill(0)
    return { ...place, sealed: toBase64url(sealed) }
  })
  return { held: step.held, transcript, answer }
}

/**
 * One package of each of the others for participant `to`, signed by its sender's host for this attempt, each over the round one that
 * this seat was shown. Throws `keygen.misdelivered` for what its sender did not sign, and `keygen.equivocation` when a sender was
 * shown another round one. Both accuse nobody: who carries the messages can show two lists, and have a host that restarts sign twice.
 */
export async function checkRoundTwo(
  attempt: Attempt,
  { index: to, transcript }: Readonly<{ index: number; transcript: Digest }>,
  packages: readonly RoundTwo[],
): Promise<void> {
  const senders = new Set(packages.map(({ body }) => body.from))
  const others = attempt.making.roster.skeleton.participants.length - 1
  if (senders.has(to) || senders.size !== packages.length || packages.length !== others)
    throw new Refusal('keygen.out_of_order')
  for (const message of packages) {
    const isFor = message.body.to === to && (await isRoundTwoOf(frameOf(attempt), message.body.from, message))
    if (!isFor) throw new Refusal('keygen.misdelivered')
  }
  if (packages.some(({ body }) => body.transcript !== transcript)) throw new Refusal('keygen.equivocation')
}

/**
 * Opens packages that have been checked. Who takes them wipes them. Throws `keygen.bad_package` with the sender of one that does
 * not open, since its host has signed it.
 */
export function openRoundTwo({ peers }: Parts, attempt: Attempt, packages: readonly RoundTwo[]): ByIndex {
  const opened = new Map<number, Uint8Array>()
  for (const { body } of packages) {
    const { from, sealed } = body
    try {
      opened.set(from, peers.openFrom(hostOf(attempt, from), contextOf(attempt, body), fromBase64url(sealed)))
    } catch (error) {
      for (const secret of opened.values()) secret.fill(0)
      if (error instanceof Refusal && error.code === 'seal.invalid') throw new Refusal('keygen.bad_package', [from])
      throw error
    }
  }
  return opened
}

/** Round three: the new share, checked, which the caller wipes. Throws `keygen.bad_package` with the culprits. */
export function finish(held: MakingHeld, round2: ByIndex): Made {
  const step = orRefuse('keygen.bad_package', () => held.go(round2, null))
  return 'done' in step ? step.done : misstep(step)
}
