import { askerOf, ownedKey } from '@quorate/shared/consent/permits'
import { LONGEST_WORD } from '@quorate/shared/consent/times'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { packageDigest } from '@quorate/shared/verify/quorum'
import { verifyRequest, verifyWithdrawal } from '@quorate/shared/verify/signing'
import { Refusal } from '@quorate/shared/errors'
import type { Partial } from '@quorate/shared/wire/signing'
import type { SignAhead } from '../bunker/ask.ts'
import { tookPart } from '../bunker/log-lines.ts'
import type { Parts } from '../parts.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import { commit, seatOf, takeBrought, takeStocked, type Bench, type PartialQuestion, type Place } from './admission.ts'
import { aggregate, checkJoinable } from './aggregate.ts'
import { createEnded } from './ended.ts'
import { askedByClient } from './identify.ts'
import { checkPackage, repeatAnswer, spendNonces } from './partial.ts'
import { destroyNonces, type Signing } from './seat.ts'
import { giveStock } from './stock.ts'
import { createWithdrawn } from './withdrawn.ts'

type Signings = Readonly<{
  [M in 'commit' | 'stock' | 'partial' | 'aggregate' | 'withdraw']: (
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
    aggregate: (question) => giveReceipt(bench, question),
    withdraw: (question) => withdraw(bench, question),
  }
  return { handlers, signAhead: (...of) => signAhead(bench, ...of) }
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
async function giveReceipt(
  bench: Bench,
  question: HostParams<'signing.aggregate'>,
): Promise<HostResult<'signing.aggregate'>> {
  const { parts, signings, ended } = bench
  const { signingId, index } = question
  const joinable = await checkJoinable(parts, question, signings.find(signingId))
  const { known } = joinable
  const { receipt, signatures, joined } = aggregate(parts, question, joinable)
  ended.end(receipt.requestDigest, receipt.packageDigest)
  known?.confirmed.add(index)
  if (known !== null && [...known.seats.keys()].every((seat) => known.confirmed.has(seat))) signings.finish(signingId)
  parts.log({ event: 'signing.confirmed', signingId, index, signatures, resultDigest: receipt.resultDigest })
  return { receipt: await parts.keys.sign('signing-receipt', receipt), joined }
}

function wipe(signing: Signing): void {
  for (const seat of signing.seats.values()) destroyNonces(seat)
}
