import { showContent } from '@quorate/shared/contents/table'
import type { Field } from '@quorate/shared/contents/content'
import { textFields } from '@quorate/shared/contents/shown'
import { openPending } from '@quorate/shared/crypto/bunker-secrets'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import { digestOf } from '@quorate/shared/crypto/sign'
import { lineageOf } from '@quorate/shared/verify/certificate'
import { clientSigningId } from '@quorate/shared/verify/client-request'
import { requireForKey } from '@quorate/shared/verify/signing'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import type { Digest } from '@quorate/shared/wire/ids'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { PendingRequest } from '@quorate/shared/wire/bunker'
import type { Approval, Decision } from '@quorate/shared/wire/consent'
import type { Waiting } from '@quorate/shared/wire/routes/bunker'
import type { RequestBody } from '@quorate/shared/wire/signing'
import { nullFor, refuse } from '../errors.ts'
import type { Reader } from '../http/reader.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import { soundApprovals } from '../signing/signing.ts'

/**
 * What a program asks for and its owners have to decide, opened and checked. `item`: what would be signed, and nothing else; null for a
 * program that wants to connect. `metadata`: what the program calls itself, which proves nothing. `message`: what would be encrypted, or the
 * first of so many `characters`.
 */
export type WaitingRequest = Readonly<{
  key: Key
  /** The id of its event: by which the page and the command name it. */
  event: Digest
  client: NostrKey
  method: string
  wish: string
  metadata: PendingRequest['metadata']
  item: Item | null
  message: PendingRequest['message']
  /** R, hex: what an approval approves; null for a connection, which a grant decides. */
  requestDigest: Digest | null
  /** User ids of those who are asked, and of those who have said yes or no. */
  owners: readonly string[]
  approvedBy: readonly string[]
  rejectedBy: readonly string[]
  askedAt: number
  expiresAt: number
}>

/** A message as far as a host lays it out for its owners. */
function messageFields({ text, characters }: NonNullable<PendingRequest['message']>): readonly Field[] {
  const shown = Array.from(text).length
  const rest = shown < characters ? [{ label: 'cut', text: `${shown} of ${characters} characters are shown` }] : []
  return [...textFields('message', text), ...rest]
}

/** What a person reads before saying yes. Every character is visible. What a program calls itself proves nothing. */
export const showWaiting = ({ item, message, metadata }: WaitingRequest): readonly Field[] => [
  ...[metadata?.name, metadata?.url].flatMap((text) => (text == null ? [] : textFields('calls itself', text))),
  ...(item === null ? [{ label: 'asks to', text: 'connect' }] : showContent(item.content)),
  ...(message === null ? [] : messageFields(message)),
]

/** Is this the request that the program's event makes, of which R commits to the item that is shown? */
function requireCommitted(key: Key, body: RequestBody, { event, client, item }: PendingRequest, signer: string): void {
  requireForKey(verifiedKey(key), body)
  const { certificate } = verifiedKey(key)
  const { asker, signingId } = body
  const isOfEvent =
    typeof asker !== 'number' && asker.event === event && asker.client === client && asker.signer === signer
  if (!isOfEvent || signingId !== clientSigningId(lineageOf(certificate), event)) refuse('signing.request_invalid')
  const [named, ...more] = body.items
  const digest = item === null ? null : toHex(itemDigest(sessionSecretOf(key), signingId, 0, item))
  const isSame = more.length === 0 && named?.type === item?.content.type && named?.digest === digest
  if (!isSame) refuse('content.mismatch')
}

type Of = Readonly<{ key: Key; signer: string }>

/**
 * Opens what waits, and holds it against the request that an approval would approve. Throws `seal.invalid`, `content.mismatch`,
 * `signing.request_invalid`, `epoch.stale` or `reply.mismatch`.
 */
export async function openWaiting({ key, signer }: Of, waiting: Waiting): Promise<WaitingRequest> {
  const { event, client, request, expiresAt } = waiting
  const pending = openPending(sessionSecretOf(key), lineageOf(verifiedKey(key).certificate), event, waiting.pending)
  if (pending.event !== event || pending.client !== client) return refuse('reply.mismatch')
  if ((request === null) !== (pending.item === null)) return refuse('content.mismatch')
  if (request !== null) requireCommitted(key, request.body, pending, signer)
  const requestDigest = request === null ? null : digestOf('request', request.body)
  const nameOf = (index: number) => key.participants[index - 1] ?? ''
  const approvals = await soundOf(key, requestDigest, waiting.approvals)
  const who = (decision: Decision) =>
    approvals.filter(({ body }) => body.decisions.includes(decision)).map(({ body }) => nameOf(body.index))
  return {
    key,
    event,
    client,
    ...shownOf(pending),
    requestDigest,
    owners: waiting.owners.map(nameOf),
    approvedBy: who('approve'),
    rejectedBy: who('reject'),
    expiresAt: Math.min(expiresAt, pending.expiresAt, request?.body.expiresAt ?? Infinity),
  }
}

const soundOf = async (key: Key, requestDigest: Digest | null, approvals: readonly Approval[]): Promise<Approval[]> =>
  requestDigest === null ? [] : soundApprovals(key, requestDigest, approvals)

const shownOf = ({ method, wish, metadata, item, message, askedAt }: PendingRequest) => ({
  method,
  wish,
  metadata,
  item,
  message,
  askedAt,
})

const unlessUnreadable = nullFor([
  'seal.invalid',
  'content.mismatch',
  'signing.request_invalid',
  'epoch.stale',
  'reply.mismatch',
])

type Asking = Readonly<{ query: Readonly<{ wait?: string }>; wanted?: Digest; signal?: AbortSignal | undefined }>

/** What waits for this owner, as the gateway says, and of it only what is as it should be; or the one that is wanted, whatever it is. */
export async function readWaiting(
  { me, ...of }: Of & Readonly<{ me: number }>,
  reader: Reader,
  { query, wanted, signal }: Asking,
): Promise<WaitingRequest[]> {
  const { key } = of
  const { waiting } = await reader('listWaiting', { params: { keyId: key.keyId }, query, signal })
  if (wanted !== undefined)
    return Promise.all(waiting.filter(({ event }) => event === wanted).map((one) => openWaiting(of, one)))
  const read = await Promise.all(
    waiting.filter(({ owners }) => owners.includes(me)).map((one) => openWaiting(of, one).catch(unlessUnreadable)),
  )
  const name = key.participants[me - 1] ?? ''
  return read.filter((one) => one !== null).filter((one) => ![...one.approvedBy, ...one.rejectedBy].includes(name))
}
