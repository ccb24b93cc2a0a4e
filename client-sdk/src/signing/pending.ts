import { Refusal } from '@quorate/shared/errors'
import { QuorateError } from '../errors.ts'
import type { Key } from '../key.ts'
import type { Member } from '../naming.ts'
import { memberOf, type Person } from '../person.ts'
import { isSigner } from './decide.ts'
import { openSignings } from './list.ts'
import { followSigning, Signing, soundApprovals } from './signing.ts'
import { openRequest, type SigningStatus } from './verify.ts'

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
  { wait = 0, signal }: Signal & Readonly<{ wait?: number }>,
): Promise<Signing[]> {
  const own = { member: await memberOf(me, key), epoch: me.context.known.epochOf(key) }
  const pending: Signing[] = []
  for await (const status of openSignings(me.context, key, { wait, signal })) {
    const signing = await waitsFor(me, key, own, status)
    if (signing !== null) pending.push(signing)
  }
  return pending.sort((a, b) => a.request.body.askedAt - b.request.body.askedAt)
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

const unreadable: ReadonlySet<unknown> = new Set([
  'seal.invalid',
  'content.invalid',
  'content.mismatch',
  'tweak.invalid',
  'adaptor.invalid',
  'message.invalid',
])

function unlessUnreadable(error: unknown): null {
  if ((error instanceof Refusal || error instanceof QuorateError) && unreadable.has(error.code)) return null
  throw error
}
