import { askerOf, ownedKey } from '@quorate/shared/consent/permits'
import { digestOf } from '@quorate/shared/crypto/sign'
import { LONGEST_WORD } from '@quorate/shared/consent/times'
import { Refusal } from '@quorate/shared/errors'
import { packageDigest } from '@quorate/shared/verify/quorum'
import { signersOfItems, type Signers } from '@quorate/shared/verify/signers'
import { verifyRequest, verifyWithdrawal } from '@quorate/shared/verify/signing'
import { countOf, type Task } from '@quorate/shared/verify/task'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import { isStocked } from '@quorate/shared/verify/commitments'
import type { FreshCommitment, Partial, SigningReceipt } from '@quorate/shared/wire/signing'
import type { SignAhead } from '../bunker/ask.ts'
import { tookPart } from '../bunker/log-lines.ts'
import { requireConsent, type ItemConsent, type Plea } from '../consent.ts'
import { countVouchers } from '../vouchers.ts'
import { requiredVouchers, versionOf, vouch } from '../epochs.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import { aggregate } from './aggregate.ts'
import { checkConfirmable, confirm } from './confirm.ts'
import { createEnded, type Ended } from './ended.ts'
import { openTasks, type Declined } from './tasks.ts'
import { takeSeat, takeStockedSeat } from './commit.ts'
import { askedByClient, identify, type Asked } from './identify.ts'
import { checkPackage, repeatAnswer, spendNonces } from './partial.ts'
import { destroyNonces, keyOf, lendFor, type Signing } from './seat.ts'
import { createWithdrawn, type Withdrawn } from './withdrawn.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import { giveStock } from './stock.ts'

type Signings = Readonly<{
  [M in 'commit' | 'stock' | 'partial' | 'aggregate' | 'confirm' | 'withdraw']: (
    params: HostParams<`signing.${M}`>,
  ) => Promise<HostResult<`signing.${M}`>>
}>

/** An attempt takes seconds, whenever its request expires: who comes later finds `signing.unknown`, and begins another. */
const LONGEST_ATTEMPT = 300_000

const keepSignings = ({ clock, alarm }: Parts): Sessions<Signing> =>
  createSessions({
    clock,
    alarm,
    limits: { sessions: 20_000, bytes: 256 << 20, ms: LONGEST_ATTEMPT },
    unknown: 'signing.unknown',
    end: wipe,
  })

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

type Place = Readonly<{ signingId: SigningId; index: number; attempt: number }>

/** The seat of this attempt, with its signing and its key. Throws `signing.unknown`, `key.unknown`, `nonce.spent`. */
function seatOf({ parts, signings }: Bench, { signingId, index, attempt }: Place) {
  const signing = signings.get(signingId)
  const seat = signing.seats.get(index)
  if (seat === undefined || seat.attempt < attempt) throw new Refusal('signing.unknown')
  if (seat.attempt > attempt) throw new Refusal('nonce.spent')
  return { signing, seat, key: keyOf(parts, signing.request, index) }
}

/** What the rounds of this host's signings work with. */
type Bench = Readonly<{ parts: Parts; signings: Sessions<Signing>; ended: Ended; withdrawn: Withdrawn }>

type PartialQuestion = HostParams<'signing.partial'>

/** A seat in an attempt. `consents`: what participants have said of the request. */
type JoinedSeat = Pick<HostParams<'signing.commit'>, 'attempt' | 'index' | 'consents'>

/** The signings of this host. They live in memory only; after a restart a new attempt begins. `signAhead`: see `SignAhead`. */
export function createSignings(parts: Parts): Readonly<{ handlers: Signings; signAhead: SignAhead }> {
  const bench: Bench = {
    parts,
    signings: keepSignings(parts),
    ended: createEnded(),
    withdrawn: createWithdrawn(parts.clock),
  }
  const handlers: Signings = {
    commit: async (question) => ({ commitment: await commit(bench, question) }),
    stock: async (question) => ({ stock: await giveStock(parts, question) }),
    partial: async (question) => ({ partial: await sign(bench, question), ...(await logged(bench, question)) }),
    aggregate({ partials, ...place }) {
      const { signing, seat } = seatOf(bench, place)
      return aggregate(parts, signing, seat, place.index, partials)
    },
    confirm: async (question) => ({ receipt: await giveReceipt(bench, question) }),
    withdraw: (question) => withdraw(bench, question),
  }
  return { handlers, signAhead: (...of) => signAhead(bench, ...of) }
}

async function commit(
  bench: Bench,
  { attempt, index, request, sealedItems, consents }: HostParams<'signing.commit'>,
): Promise<FreshCommitment> {
  const { vault, clock } = bench.parts
  const known = vault.key(request.body.keyId, index)
  const asked = await identify(bench.parts, known, request, sealedItems, clock())
  return join(bench, known, asked, { attempt, index, consents })
}

async function signAhead(
  bench: Bench,
  ...[key, ask, { body }, { consents, commitments }]: Parameters<SignAhead>
): ReturnType<SignAhead> {
  const asked = askedByClient(bench.parts, key, { ask, request: body, requestDigest: digestOf('request', body) })
  const { signingId } = body
  const question = { signingId, attempt: 1, index: key.index, consents, commitments }
  try {
    await takeStocked(bench, key, asked, question)
    const partial = await sign(bench, question)
    const { entry } = await logged(bench, question)
    return entry === undefined ? null : { partial, entry }
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
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
async function takeStocked(bench: Bench, known: HeldKey, asked: Asked, question: PartialQuestion): Promise<void> {
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
async function takeBrought(bench: Bench, question: PartialQuestion): Promise<void> {
  const { brought, index } = question
  if (brought === undefined || isTaken(bench, question)) return
  const { vault, clock } = bench.parts
  const { request, sealedItems } = brought
  const known = vault.key(request.body.keyId, index)
  await takeStocked(bench, known, await identify(bench.parts, known, request, sealedItems, clock()), question)
}

const isTaken = ({ signings }: Bench, { signingId, index, attempt }: Place): boolean =>
  (signings.find(signingId)?.seats.get(index)?.attempt ?? 0) >= attempt

/** A signing that has ended spends no more nonces, and repeats what it has said. */
async function sign(bench: Bench, question: PartialQuestion): Promise<Partial> {
  await takeBrought(bench, question)
  const { parts, ended, withdrawn } = bench
  const { consents, commitments } = question
  const { signing, seat, key } = seatOf(bench, question)
  const digest = packageDigest({ ...question, requestDigest: signing.requestDigest })
  const repeated = seat.spent === null ? null : repeatAnswer(seat.spent, digest)
  if (repeated !== null) return parts.keys.sign('partial', repeated)
  const grounds = await checkPackage(parts, signing, seat, key, { consents, commitments }, parts.clock())
  if (seat.spent === null) {
    ended.requireOpen(signing.requestDigest)
    withdrawn.requireOpen(signing.requestDigest)
  }
  return parts.keys.sign('partial', spendNonces(parts, signing, seat, { digest, commitments, grounds }))
}

/** What this host notes of a program that it signs for: once, however often it is asked. */
async function logged(bench: Bench, place: Place): Promise<Pick<HostResult<'signing.partial'>, 'entry'>> {
  const { signing, seat, key } = seatOf(bench, place)
  const { parts } = bench
  const { ask } = signing.asked
  if (ask === null || seat.spent === null) return {}
  seat.spent.entry ??= parts.bunker.log.write(key, tookPart(parts, key, ask, place.index))
  return { entry: await seat.spent.entry }
}

/**
 * From now on this host gives no more commitment or partial for the request, and the nonces that it holds for it are gone. What it has
 * said already it cannot take back.
 */
async function withdraw(
  { parts, signings, withdrawn }: Bench,
  { index, request, withdrawal }: HostParams<'signing.withdraw'>,
): Promise<Record<string, never>> {
  const { signingId, keyId, expiresAt } = request.body
  const key = parts.vault.key(keyId, index)
  const requestDigest = await verifyRequest(key, request, null)
  const asker = askerOf(ownedKey(key.certificate.roster), request.body)
  await verifyWithdrawal(asker?.authKey, requestDigest, withdrawal)
  // No host takes a request that is older than that, whatever its expiry.
  const until = Math.min(expiresAt, parts.clock() + LONGEST_WORD)
  withdrawn.withdraw(`${key.lineage}/${asker?.index ?? 0}`, requestDigest, until)
  const known = signings.find(signingId)
  if (known?.requestDigest === requestDigest) wipe(known)
  parts.log({ event: 'signing.withdrawn', signingId, index })
  return {}
}

/** The signing is over here when all of its seats have given their receipt. This host may have forgotten it, or never known it. */
async function giveReceipt(bench: Bench, question: HostParams<'signing.confirm'>): Promise<SigningReceipt> {
  const { parts, signings, ended } = bench
  const { signingId, index } = question
  const found = signings.find(signingId)
  const confirmable = await checkConfirmable(parts, question, found?.asked ?? null)
  const known = found?.requestDigest === confirmable.requestDigest ? found : null
  const body = confirm(parts, question, confirmable, known)
  ended.end(confirmable.requestDigest, body.packageDigest)
  known?.confirmed.add(index)
  if (known !== null && [...known.seats.keys()].every((seat) => known.confirmed.has(seat))) signings.finish(signingId)
  const signatures = question.results.filter((result) => 'sealedSignature' in result).length
  parts.log({ event: 'signing.confirmed', signingId, index, signatures, resultDigest: body.resultDigest })
  return parts.keys.sign('signing-receipt', body)
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

function wipe(signing: Signing): void {
  for (const seat of signing.seats.values()) destroyNonces(seat)
}
