import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { decode, encode } from '@quorate/shared/seal/cbor'
import { digestOf, verifyBody } from '@quorate/shared/seal/sign'
import { fromBase64url, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import {
  RoundTwoSecret,
  type CertificateBody,
  type Roster,
  type RoundOne,
  type RoundTwo,
} from '@quorate/shared/wire/keygen'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Peers } from '../vault/peers.ts'
import { encodeShare } from '../vault/shares.ts'
import type { Vault } from '../vault/vault.ts'
import { orRefuse } from './refuse-mpc.ts'

/** One participant's way through the DKG: what it holds after each round. An answer, once given, is given again as it was. */
export type Seat =
  | { stage: 1; secret: Uint8Array; message: RoundOne }
  | {
      stage: 2
      secret: Uint8Array
      message: RoundOne
      transcript: Digest
      round1: Map<number, Uint8Array>
      answer: RoundTwo[]
    }
  | { stage: 3; packagesDigest: string; answer: Certified }

export type Certified = { certificate: CertificateBody; signature: string; sealedShare: string }

/** What all seats of one attempt share. */
export type Attempt = Readonly<{ roster: Roster; rosterDigest: Digest; attempt: number; sessionSecret: Uint8Array }>

type Hands = Readonly<{ mpc: Mpc; vault: Vault; peers: Peers; clock: () => number }>

const frostOf = ({ mpc }: Hands, { roster }: Attempt) => mpc.frost(roster.skeleton.scheme)
const hostOf = ({ roster }: Attempt, index: number) => {
  const participant = roster.skeleton.participants[index - 1]
  if (participant === undefined) throw new Refusal('keygen.out_of_order')
  return participant.host.identity
}

export async function beginSeat(hands: Hands, attempt: Attempt, index: number): Promise<Seat> {
  const { keyId, threshold, participants } = attempt.roster.skeleton
  const part1 = orRefuse('keygen.bad_package', () =>
    frostOf(hands, attempt).dkgPart1({ index, participants: participants.length, threshold }),
  )
  const body = {
    keyId,
    rosterDigest: attempt.rosterDigest,
    attempt: attempt.attempt,
    from: index,
    package: toBase64url(part1.package),
  }
  return { stage: 1, secret: part1.secret, message: await hands.vault.sign('round-one', body) }
}

/** All n messages, in the order of indices, of this attempt, each signed by its participant's host, the own one as it left. */
async function checkRoundOne(attempt: Attempt, own: RoundOne, messages: readonly RoundOne[]): Promise<void> {
  const { keyId, participants } = attempt.roster.skeleton
  if (messages.length !== participants.length) throw new Refusal('keygen.out_of_order')
  const culprits: number[] = []
  for (const [at, message] of messages.entries()) {
    const { body } = message
    const index = at + 1
    const fits =
      body.from === index &&
      body.keyId === keyId &&
      body.rosterDigest === attempt.rosterDigest &&
      body.attempt === attempt.attempt &&
      (index !== own.body.from || message.signature === own.signature) &&
      (await verifyBody(hostOf(attempt, index).signKey, 'round-one', message))
    if (!fits) culprits.push(index)
  }
  if (culprits.length > 0) throw new Refusal('keygen.bad_package', culprits)
}

const roundTwoContext = ({ roster, rosterDigest, attempt }: Attempt, from: number, to: number) => [
  'round-two',
  roster.skeleton.keyId,
  rosterDigest,
  attempt,
  from,
  to,
  0,
]

/** Throws `keygen.bad_package` with the culprits of round one. */
export async function dealSeat(
  hands: Hands,
  attempt: Attempt,
  seat: Seat,
  messages: readonly RoundOne[],
): Promise<Seat> {
  const transcript = digestOf('transcript', messages)
  if (seat.stage === 2 && seat.transcript === transcript) return seat
  if (seat.stage !== 1) throw new Refusal('keygen.out_of_order')
  const from = seat.message.body.from
  await checkRoundOne(attempt, seat.message, messages)
  const packages = messages.map(({ body }) => [body.from, fromBase64url(body.package)] as const)
  const round1 = new Map(packages.filter(([index]) => index !== from))
  const part2 = orRefuse('keygen.bad_package', () =>
    frostOf(hands, attempt).dkgPart2({ secret: seat.secret, packages: round1 }),
  )
  seat.secret.fill(0)
  const answer = [...part2.packages].map(([to, secretPackage]) => {
    const plaintext = encode({ transcript, package: secretPackage })
    const sealed = hands.peers.sealFor(hostOf(attempt, to), roundTwoContext(attempt, from, to), plaintext)
    plaintext.fill(0)
    secretPackage.fill(0)
    return { from, to, sealed: toBase64url(sealed) }
  })
  return { stage: 2, secret: part2.secret, message: seat.message, transcript, round1, answer }
}

/** Opens what the others sealed to this seat. A sender that saw another round one than this seat is named: equivocation. */
function openRoundTwo(hands: Hands, attempt: Attempt, to: number, transcript: Digest, packages: readonly RoundTwo[]) {
  const opened = new Map<number, Uint8Array>()
  const liars: number[] = []
  for (const message of packages) {
    if (message.to !== to || message.from === to || opened.has(message.from)) throw new Refusal('keygen.out_of_order')
    const plaintext = openFromSender(hands, attempt, message)
    const parsed = RoundTwoSecret.safeParse(decode(plaintext))
    plaintext.fill(0)
    if (!parsed.success) throw new Refusal('keygen.bad_package', [message.from])
    if (parsed.data.transcript !== transcript) liars.push(message.from)
    opened.set(message.from, parsed.data.package)
  }
  if (liars.length > 0) throw new Refusal('keygen.equivocation', liars)
  if (opened.size !== attempt.roster.skeleton.participants.length - 1) throw new Refusal('keygen.out_of_order')
  return opened
}

function openFromSender(hands: Hands, attempt: Attempt, { from, to, sealed }: RoundTwo): Uint8Array {
  try {
    return hands.peers.openFrom(hostOf(attempt, from), roundTwoContext(attempt, from, to), fromBase64url(sealed))
  } catch (error) {
    if (error instanceof Refusal && error.code === 'seal.invalid') throw new Refusal('keygen.bad_package', [from])
    throw error
  }
}

/** Throws `keygen.equivocation` or `keygen.bad_package` with the culprits of round two. */
export async function finishSeat(
  hands: Hands,
  attempt: Attempt,
  seat: Seat,
  packages: readonly RoundTwo[],
): Promise<Seat> {
  const packagesDigest = digestOf('package', packages)
  if (seat.stage === 3 && seat.packagesDigest === packagesDigest) return seat
  if (seat.stage !== 2) throw new Refusal('keygen.out_of_order')
  const index = seat.message.body.from
  const round2 = openRoundTwo(hands, attempt, index, seat.transcript, packages)
  const part3 = orRefuse('keygen.bad_package', () =>
    frostOf(hands, attempt).dkgPart3({ secret: seat.secret, round1: seat.round1, round2 }),
  )
  try {
    const certificate = certify(hands, attempt, seat.transcript, part3.publicKeys)
    const { signature } = await hands.vault.sign('certificate', certificate)
    const place = {
      keyId: attempt.roster.skeleton.keyId,
      index,
      epoch: 0,
      certificateDigest: digestOf('certificate', certificate),
    }
    const plaintext = encodeShare(part3.share, attempt.sessionSecret, hands.clock())
    const sealedShare = toBase64url(hands.vault.sealShare(place, plaintext))
    plaintext.fill(0)
    return { stage: 3, packagesDigest, answer: { certificate, signature, sealedShare } }
  } finally {
    seat.secret.fill(0)
    part3.share.fill(0)
    for (const secretPackage of round2.values()) secretPackage.fill(0)
  }
}

const certify = (hands: Hands, attempt: Attempt, transcript: Digest, publicKeys: Uint8Array): CertificateBody => ({
  version: 1,
  roster: attempt.roster,
  groupKey: toHex(frostOf(hands, attempt).describe({ publicKeys }).groupKey),
  publicKeys: toBase64url(publicKeys),
  transcript,
  epoch: 0,
  previous: null,
})

/** Wipes what a seat still holds open. */
export function wipeSeat(seat: Seat): void {
  if (seat.stage !== 3) seat.secret.fill(0)
}
