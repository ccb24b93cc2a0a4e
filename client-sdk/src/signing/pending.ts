import type { SigningId } from '@quorate/shared/wire/ids'
import { nullFor } from '../errors.ts'
import { sleep } from '../http/retry.ts'
import type { Key } from '../key.ts'
import type { Member } from '../naming.ts'
import { memberOf, type Person } from '../person.ts'
import { isSigner } from './decide.ts'
import { openSignings } from './list.ts'
import { followSigning, Signing, soundApprovals } from './signing.ts'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import { openRequest } from './verify.ts'

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/** The own place in a key, and its newest epoch that is known here. */
type Own = Readonly<{ member: Member; epoch: number }>

/** Fetches a signing and checks all of it. Whoever has the key can look at it. */
export async function openOwn(me: Person, key: Key, signingId: string, { signal }: Signal): Promise<Signing> {
  const { context } = me
  const status = await followSigning(context, key, signingId).status({ signal })
  const opened = await openRequest(key, signingId, status)
  const member = await memberOf(me, key).catch(() => null)
  const signer = opened.request.body.asker === member?.index ? member.signer : null
  return new Signing(context, key, opened, { signer })
}

/** The signings that wait for the own word, the oldest first. `wait` (ms): until there is one that has not ended. */
export async function pendingFor(
  me: Person,
  key: Key,
  { wait = 0, signal }: Signal & Readonly<{ wait?: number | undefined }>,
): Promise<Signing[]> {
  const own = { member: await memberOf(me, key), epoch: me.context.known.epochOf(key) }
  const pending: Signing[] = []
  for await (const status of openSignings(me.context, key, { wait, signal })) {
    const signing = await waitsFor(me, key, own, status)
    if (signing !== null) pending.push(signing)
  }
  return pending.sort((a, b) => a.request.body.askedAt - b.request.body.askedAt)
}

/** How long one question waits for news, ms: below what proxies on the way cut off. */
const LONGEST_POLL = 25_000
/** A gateway may answer at once, again and again: it is asked so many ms later. */
const SHORTEST_POLL = 200
/** How many are remembered as looked at. */
const MOST_REMEMBERED = 10_000

/** The same as they come, each once, until the signal aborts. */
export async function* watchPending(
  me: Person,
  key: Key,
  { signal }: Signal,
): AsyncGenerator<Signing, never, undefined> {
  const { context } = me
  const own = { member: await memberOf(me, key), epoch: context.known.epochOf(key) }
  const seen = new Set<string>()
  for (let after: SigningId | null = null; ;) {
    const asked = performance.now()
    const statuses = openSignings(context, key, { wait: LONGEST_POLL, after, signal })
    for (let next = await statuses.next(); ; next = await statuses.next()) {
      if (next.done === true) {
        after = next.value
        break
      }
      const { signingId } = next.value
      if (seen.has(signingId)) continue
      seen.add(signingId)
      const signing = await waitsFor(me, key, own, next.value)
      if (signing !== null) yield signing
    }
    for (const oldest of seen) if (seen.size > MOST_REMEMBERED) seen.delete(oldest)
    const spent = performance.now() - asked
    if (spent < SHORTEST_POLL) await sleep(SHORTEST_POLL - spent, signal)
  }
}

/** The signing, if it waits for the word of this member; null for one that does not, or that nobody can read or sign. */
async function waitsFor(
  { context }: Person,
  key: Key,
  { member, epoch }: Own,
  status: SigningStatus,
): Promise<Signing | null> {
  const { asker: by, epoch: at } = status.request.body
  // What a program has asked for by an event waits elsewhere: see `Bunker.waiting`.
  if (at < epoch || typeof by !== 'number') return null
  const opened = await openRequest(key, status.signingId, status).catch(unlessUnreadable)
  if (opened === null) return null
  const approvals = await soundApprovals(key, opened.requestDigest, status.approvals)
  const { asker, expiresAt } = opened.request.body
  const said = asker === member.index || approvals.some(({ body }) => body.index === member.index)
  if (said || !isSigner(key, opened, member) || expiresAt <= context.now()) return null
  return new Signing(context, key, opened)
}

const unlessUnreadable = nullFor([
  'seal.invalid',
  'content.invalid',
  'content.mismatch',
  'tweak.invalid',
  'adaptor.invalid',
  'message.invalid',
])
