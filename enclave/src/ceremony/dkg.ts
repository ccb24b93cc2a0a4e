import { Refusal } from '@quorate/shared/errors'
import type { ByIndex, Frost, Mpc } from '@quorate/shared/mpc'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { fromBase64url, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { RoundTwoSecret, type Roster, type RoundOne, type RoundTwo } from '@quorate/shared/wire/keygen'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Peers } from '../vault/peers.ts'
import { encodeShare } from '../vault/shares.ts'
import type { Vault } from '../vault/vault.ts'
import { orRefuse } from './refuse-mpc.ts'

/** One participant's way through a DKG or a refresh, which has the same rounds: what it holds after each round. An answer, once given, is given again as it was. */
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

type Parts = Readonly<{ secret: Uint8Array; round1: ByIndex; round2: ByIndex }>

/**
 * What is being made: a key, or new shares of one. `ceremony` is D, or the digest of the request for a refresh; `epoch` and
 * `previous` go into the certificate. The three parts are FROST's.
 */
export type Making = Readonly<{
  roster: Roster
  ceremony: Digest
  epoch: number
  previous: Digest | null
  part1: Frost['dkgPart1']
  part2: Frost['dkgPart2']
  /** The new share of participant `index` (secret: the caller wipes it) and all public keys, checked. */
  part3: (index: number, parts: Parts) => ReturnType<Frost['dkgPart3']>
  /** What is sealed with the share. Borrowed: ask anew after every `await`. */
  belongings: (index: number) => Readonly<{ sessionSecret: Uint8Array; knownSince: number }>
}>

/** What all seats of one attempt share. */
export type Attempt = Readonly<{ making: Making; attempt: number }>

export type Hands = Readonly<{ mpc: Mpc; vault: Vault; peers: Peers }>

const hostOf = ({ making }: Attempt, index: number) => {
  const participant = making.roster.skeleton.participants[index - 1]
  if (participant === undefined) throw new Refusal('keygen.out_of_order')
  return participant.host.identity
}

export async function beginSeat(hands: Hands, attempt: Attempt, index: number): Promise<Seat> {
  const { making } = attempt
  const { keyId, threshold, participants } = making.roster.skeleton
  const part1 = orRefuse('keygen.bad_package', () =>
    making.part1({ index, participants: participants.length, threshold }),
  )
  const body = {
    keyId,
    ceremony: making.ceremony,
    attempt: attempt.attempt,
    from: index,
    package: toBase64url(part1.package),
  }
  return { stage: 1, secret: part1.secret, message: await hands.vault.sign('round-one', body) }
}

/** All n messages, in the order of indices, of this attempt, each signed by its participant's host, the own one as it left. */
async function checkRoundOne(attempt: Attempt, own: RoundOne, messages: readonly RoundOne[]): Promise<void> {
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
  const part2 = orRefuse('keygen.bad_package', () => attempt.making.part2({ secret: seat.secret, packages: round1 }))
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
  if (opened.size !== attempt.making.roster.skeleton.participants.length - 1) throw new Refusal('keygen.out_of_order')
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
  const made = orRefuse('keygen.bad_package', () =>
    attempt.making.part3(index, { secret: seat.secret, round1: seat.round1, round2 }),
  )
  try {
    const answer = await certify(hands, attempt.making, seat, made)
    return { stage: 3, packagesDigest, answer }
  } finally {
    seat.secret.fill(0)
    made.share.fill(0)
    for (const secretPackage of round2.values()) secretPackage.fill(0)
  }
}

/** Signs the certificate of what was made, and seals the share for this place in it. */
async function certify(
  { vault, mpc }: Hands,
  making: Making,
  { transcript, message }: Extract<Seat, { stage: 2 }>,
  made: Readonly<{ share: Uint8Array; publicKeys: Uint8Array }>,
): Promise<Certified> {
  const { roster, epoch, previous } = making
  const { keyId, scheme } = roster.skeleton
  const index = message.body.from
  const certificate: CertificateBody = {
    version: 1,
    roster,
    groupKey: toHex(mpc.frost(scheme).describe({ publicKeys: made.publicKeys }).groupKey),
    publicKeys: toBase64url(made.publicKeys),
    transcript,
    epoch,
    previous,
  }
  const { signature } = await vault.sign('certificate', certificate)
  const place = { keyId, index, epoch, certificateDigest: digestOf('certificate', certificate) }
  const { sessionSecret, knownSince } = making.belongings(index)
  const plaintext = encodeShare(made.share, sessionSecret, knownSince)
  const sealedShare = toBase64url(vault.sealShare(place, plaintext))
  plaintext.fill(0)
  return { certificate, signature, sealedShare }
}

/** Wipes what a seat still holds open. */
export function wipeSeat(seat: Seat): void {
  if (seat.stage !== 3) seat.secret.fill(0)
}
