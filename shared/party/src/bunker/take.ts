import { isSignedBy } from '@quorate/shared/consent/signed'
import { ownedKey, permits, type Ground } from '@quorate/shared/consent/permits'
import { digestOf } from '@quorate/shared/crypto/sign'
import { together, type Decision } from '@quorate/shared/bunker/decide'
import type { Response } from '@quorate/shared/nostr/nip46'
import { permitsItem } from '@quorate/shared/verify/items'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Taken } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import { charge } from '../charge.ts'
import { requireInForceNow } from '../in-force.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import { cipherWith } from './answer.ts'
import { requestOf, type ClientAsk, type SignAhead } from './ask.ts'
import { lineOf } from './log-lines.ts'
import { requireTimely } from './timely.ts'
import { consider, opened, refuseTaken, refuseUnread, reply, signingOf, type Taking } from './taking.ts'
import { askOwners } from './owners.ts'
import { perform } from './perform.ts'

/** The key of a seat at the version in force. Throws `key.unknown`, `epoch.unproven`, `epoch.stale`. */
export function currentKey({ vault, memories }: Parts, keyId: string, index: number): HeldKey {
  const key = vault.key(keyId, index)
  requireInForceNow(memories, key)
  return key
}

/** What owners have said of this very request. Words that are not theirs, or not of it, count for nothing. */
async function wordsOf(
  parts: Parts,
  taking: Taking,
  consents: readonly Approval[],
): Promise<Readonly<{ approved: number[]; rejected: number[] }>> {
  const [approved, rejected]: [number[], number[]] = [[], []]
  const signing = consents.length === 0 ? null : signingOf(parts, taking)
  if (signing === null) return { approved, rejected }
  const owned = ownedKey(taking.key.certificate.roster)
  const { body } = signing
  const use = { key: owned, request: body, requestDigest: digestOf('request', body), outside: none, now: parts.clock() }
  for (const consent of consents) {
    const { index, decisions } = consent.body
    const owner = owned.owners[index - 1]
    if (owner === undefined || !(await isSignedBy(owner, consent))) continue
    if (decisions.includes('reject')) rejected.push(index)
    else if (permits(consent, { ...use, index })) approved.push(index)
  }
  return { approved, rejected }
}

/** What a program asks for is of no sub-group. */
const none: ReadonlySet<number> = new Set()

/** The shared point of a conversation, where this host has it of earlier. */
const knownPoint = ({ bunker }: Parts, { key, ask }: Pick<Taking, 'key' | 'ask'>): Uint8Array | null =>
  ask?.item.content.type === 'ecdh' ? bunker.shared.peek(`${key.lineage}/${ask.item.content.peer}`) : null

/** Uses the shared point that this host has of earlier; null where it has none. It counts as a use for each owner that is needed. */
function fromMemory(
  parts: Parts,
  { key, ask, request, decisions }: Taking,
  willing: readonly number[],
): Response | null {
  const x = knownPoint(parts, { key, ask })
  if (x === null) return null
  const { threshold } = key.certificate.roster.skeleton
  for (const index of willing.slice(0, threshold)) charge(parts, key, index, groundOf(decisions.get(index)), 1)
  return cipherWith(request, x)
}

/** Who has said yes to the request itself needs no grant. */
const groundOf = (decision: Decision | undefined): Ground =>
  decision?.grant == null ? 'approved' : { grant: decision.grant.id, limits: decision.grant.limits }

async function allowed(
  parts: Parts,
  taking: Taking,
  willing: number[],
  signAhead: (ask: ClientAsk, request: SigningRequest) => ReturnType<SignAhead> | null,
): Promise<Taken> {
  const { key, ask } = taking
  if (ask === null) return perform(parts, taking, willing)
  if (!permitsItem(key, ask.item)) return refuseTaken(parts, taking, 'content.not_permitted')
  const known = fromMemory(parts, taking, willing)
  if (known !== null) return reply(parts, taking, known, { outcome: 'answered', code: null })
  const entry = await parts.bunker.log.write(key, lineOf(taking, { outcome: 'signed', code: null }))
  const request = requestOf(parts, key, ask)
  return { does: 'sign', request, willing, entry, ahead: await signAhead(ask, request) }
}

/**
 * What becomes of a program's event, by the books of all owners and what they have said of it. Throws `nostr.signer_unknown`,
 * `nostr.event_*`, and `seal.invalid` or `nostr.request_invalid` for what no answer can be given to.
 */
export async function take(
  parts: Parts,
  signAhead: SignAhead,
  { keyId, index, signer, event: given, consents, laidOut, ahead }: HostParams<'bunker.take'>,
): Promise<Taken> {
  const key = currentKey(parts, keyId, index)
  const { event, read } = opened(parts, key, signer, given)
  await requireTimely(parts, key, event, laidOut)
  const request = read()
  if ('refused' in request) return refuseUnread(parts, key, { signer, event }, request)

  const taking = consider(parts, key, signer, event, request)
  const words = await wordsOf(parts, taking, consents)
  const { threshold } = key.certificate.roster.skeleton
  const { does, willing, asking } = together(taking.decisions, { threshold, ...words })
  if (does === 'allow')
    return allowed(parts, taking, willing, (...of) => (ahead === null ? null : signAhead(key, ...of, ahead)))
  return does === 'ask' ? askOwners(parts, taking, asking) : refuseTaken(parts, taking, 'nostr.not_permitted')
}

/**
 * Gives the partial of the first attempt at what a program's event asks for, while another host takes the event. Null where the books alone do not
 * allow it, or no share has anything to do. Throws as `take`.
 */
export async function signWithOthers(
  parts: Parts,
  signAhead: SignAhead,
  { keyId, index, signer, event: given, ahead }: HostParams<'bunker.sign'>,
): Promise<HostResult<'bunker.sign'>> {
  const key = currentKey(parts, keyId, index)
  const { event, read } = opened(parts, key, signer, given)
  await requireTimely(parts, key, event, null)
  const request = read()
  if ('refused' in request) return { ahead: null }
  const taking = consider(parts, key, signer, event, request)
  const { ask, decisions } = taking
  const { threshold } = key.certificate.roster.skeleton
  const { does } = together(decisions, { threshold, approved: [], rejected: [] })
  if (ask === null || does !== 'allow' || knownPoint(parts, taking) !== null) return { ahead: null }
  return { ahead: await signAhead(key, ask, requestOf(parts, key, ask), ahead) }
}
