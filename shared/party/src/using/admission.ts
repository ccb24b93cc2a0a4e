import { Refusal } from '@quorate/shared/errors'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import { isStocked } from '@quorate/shared/verify/commitments'
import { signersOfItems, type Signers } from '@quorate/shared/verify/signers'
import { countOf, type Task } from '@quorate/shared/verify/task'
import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { FreshCommitment } from '@quorate/shared/wire/signing'
import { requireConsent, type ItemConsent, type Plea } from '../consent.ts'
import { requiredVouchers, versionOf, vouch } from '../epochs.ts'
import type { Parts } from '../parts.ts'
import type { Sessions } from '../sessions.ts'
import type { HeldKey } from '../vault.ts'
import { countVouchers } from '../vouchers.ts'
import { takeSeat, takeStockedSeat } from './commit.ts'
import type { Ended } from './ended.ts'
import { identify, type Asked } from './identify.ts'
import { keyOf, lendFor, type Signing } from './seat.ts'
import { openTasks, type Declined } from './tasks.ts'
import type { Withdrawn } from './withdrawn.ts'

/*
 * How a seat of this host comes into an attempt: by a round one, or with a commitment from stock.
 */

/** What the rounds of this host's signings work with. */
export type Bench = Readonly<{ parts: Parts; signings: Sessions<Signing>; ended: Ended; withdrawn: Withdrawn }>

export type Place = Readonly<{ signingId: SigningId; index: number; attempt: number }>

export type PartialQuestion = HostParams<'signing.partial'>

/** A seat in an attempt. `consents`: what participants have said of the request. */
type JoinedSeat = Pick<HostParams<'signing.commit'>, 'attempt' | 'index' | 'consents'>

/** Round one. The same attempt gets the same commitment. */
export async function commit(
  bench: Bench,
  { attempt, index, request, sealedItems, consents }: HostParams<'signing.commit'>,
): Promise<FreshCommitment> {
  const { vault, clock } = bench.parts
  const known = vault.key(request.body.keyId, index)
  const asked = await identify(bench.parts, known, request, sealedItems, clock())
  return join(bench, known, asked, { attempt, index, consents })
}

async function join(bench: Bench, known: HeldKey, asked: Asked, seat: JoinedSeat): Promise<FreshCommitment> {
  const { signing, agreed } = await admit(bench, known, asked, seat)
  return takeSeat(bench.parts, signing, { ...seat, consents: agreed })
}

/** The signing of a request that the owner of this seat agrees to, and that may still be signed here. */
async function admit(
  { parts, signings, ended, withdrawn }: Bench,
  known: HeldKey,
  asked: Asked,
  { attempt, index, consents }: JoinedSeat,
): Promise<Readonly<{ signing: Signing; agreed: readonly ItemConsent[] }>> {
  const { clock } = parts
  const { request: body, requestDigest } = asked
  const plea: Plea = { ...asked, key: known, consents, known: parts.known }
  const agreed = await requireConsent(plea, index, clock())
  await hearVouchers(parts, plea, known.lineage)
  keyOf(parts, body, index)
  // It may have been withdrawn meanwhile.
  withdrawn.requireOpen(requestDigest)
  if (signings.find(body.signingId)?.seats.get(index)?.attempt !== attempt) ended.requireOpen(requestDigest)
  return { signing: enter(parts, signings, asked, index), agreed }
}

/** Takes the seat of an attempt that began without a round one, where its own commitment is from stock. A seat that is taken stays so. */
export async function takeStocked(
  bench: Bench,
  known: HeldKey,
  asked: Asked,
  question: PartialQuestion,
): Promise<void> {
  const { commitments, index, attempt } = question
  const { signingId } = asked.request
  const own = commitments.find(({ body }) => body.index === index)
  if (signingId !== question.signingId || own === undefined || !isStocked(own))
    throw new Refusal('signing.misdelivered')
  if (isTaken(bench, question)) return
  const { signing } = await admit(bench, known, asked, question)
  if (!isTaken(bench, question)) takeStockedSeat(bench.parts, signing, attempt, own)
}

/** The same, where the request is brought along. */
export async function takeBrought(bench: Bench, question: PartialQuestion): Promise<void> {
  const { brought, index } = question
  if (brought === undefined || isTaken(bench, question)) return
  const { vault, clock } = bench.parts
  const { request, sealedItems } = brought
  const known = vault.key(request.body.keyId, index)
  await takeStocked(bench, known, await identify(bench.parts, known, request, sealedItems, clock()), question)
}

const isTaken = ({ signings }: Bench, { signingId, index, attempt }: Place): boolean =>
  (signings.find(signingId)?.seats.get(index)?.attempt ?? 0) >= attempt

/** The seat of this attempt, with its signing and its key. Throws `signing.unknown`, `key.unknown`, `nonce.spent`. */
export function seatOf({ parts, signings }: Bench, { signingId, index, attempt }: Place) {
  const signing = signings.get(signingId)
  const seat = signing.seats.get(index)
  if (seat === undefined || seat.attempt < attempt) throw new Refusal('signing.unknown')
  if (seat.attempt > attempt) throw new Refusal('nonce.spent')
  return { signing, seat, key: keyOf(parts, signing.request, index) }
}

/** The signing of this request, begun if it is new. One id, one request. */
function enter(parts: Parts, signings: Sessions<Signing>, asked: Asked, index: number): Signing {
  const { request, requestDigest } = asked
  const { signingId, expiresAt } = request
  const known = signings.find(signingId)
  if (known !== undefined) {
    if (known.requestDigest !== requestDigest) throw new Refusal('signing.request_invalid')
    return known
  }
  const key = keyOf(parts, request, index)
  const tasks = lendFor(parts, request, index, (open) => openTasks(parts.mpc, open, asked))
  const signers = signersOfItems(key.certificate.roster.skeleton, request)
  const signing = begin(asked, signers, tasks)
  signings.add(signingId, signing, { expiresAt, bytes: bytesOf(signing, key) })
  return signing
}

/** Where no other host remembers the key, enough of its participants can say which version is in force. */
async function hearVouchers({ memories, life, clock }: Parts, plea: Plea, lineage: Digest): Promise<void> {
  if (memories.of(lineage).current !== null) return
  const { keyId, threshold, participants } = plea.key.certificate.roster.skeleton
  const vouchers = await countVouchers(plea, life.id, clock())
  if (vouchers < requiredVouchers(participants.length, threshold)) return
  memories.keep({ keyId, lineage }, vouch(memories.of(lineage), versionOf(plea.key)))
}

const begin = (asked: Asked, signers: readonly Signers[], tasks: readonly (Task | Declined)[]): Signing => ({
  request: asked.request,
  requestDigest: asked.requestDigest,
  asked,
  signers,
  tasks,
  seats: new Map(),
  charged: new Map(),
  confirmed: new Set(),
  joined: null,
})

/** About what a signing holds in the end: what was sealed, the messages, and per item everybody's commitments. */
const bytesOf = ({ tasks, asked }: Signing, { certificate }: HeldKey): number =>
  tasks.reduce((sum, task) => {
    const [message, count] = 'code' in task ? [0, 1] : [task.message.length, countOf(task)]
    return sum + message + certificate.roster.registrations.length * 256 * count
  }, 1_024 + asked.weight)
