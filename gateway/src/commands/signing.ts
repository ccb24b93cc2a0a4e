import { objectionTo, ownedKey } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { Refusal } from '@quorate/shared/errors'
import { requireSealedItems, sealedDigest } from '@quorate/shared/verify/items'
import { verifyRequest, verifyWithdrawal, type VerifiedKey } from '@quorate/shared/verify/signing'
import type { Approval } from '@quorate/shared/wire/consent'
import { SigningId, type KeyId } from '@quorate/shared/wire/ids'
import {
  MAX_LISTED,
  type SigningBody,
  type SigningProgress,
  type SigningStatus,
} from '@quorate/shared/wire/routes/signing'
import type { Withdrawal } from '@quorate/shared/wire/signing'
import type { z } from 'zod'
import { weightOf, type Items } from '../aids/items.ts'
import { requireLives } from '../keys/lives.ts'
import { createSigningAid } from '../aids/signing.ts'
import type { Tools } from '../aids/tools.ts'
import { createTelling } from '../aids/withdrawal.ts'
import { signingCourse } from '../courses/signing.ts'
import { useOf } from '../courses/signing-consent.ts'
import type { SigningOwn, SigningSession, SigningTerms, Superseded } from '../courses/signing-terms.ts'
import { hasEnded } from '../engine/machine.ts'
import type { EnginePorts, Waiting } from '../engine/ports.ts'
import { reporting } from '../engine/report.ts'
import { Sessions } from '../engine/sessions.ts'
import type { LoadKey } from '../keys/key-cache.ts'
import { createSharing } from './shared-keys.ts'
import type { Coordinator, Limits, Page, Ports, SigningPage } from './ports.ts'
import { Directory } from './signing-directory.ts'

type Context = Readonly<{
  ports: Ports
  loadKey: LoadKey
  limits: Limits
  sessions: Sessions<SigningTerms>
  directory: Directory
  items: Items
  share: (s: SigningSession) => SigningSession
  /** Tells the hosts of a signing that it is withdrawn. */
  tell: (s: SigningSession, withdrawal: Withdrawal) => void
}>

/** The same request again gives the session that it began. */
async function known({ sessions }: Context, { request, sealedItems }: z.output<typeof SigningBody>) {
  const now = await sessions.find(request.body.signingId)
  const { own } = now.state
  const isSame =
    own.request.signature === request.signature && sealedDigest(sealedItems) === own.request.body.sealedDigest
  if (!isSame) throw new Refusal('session.conflict')
  return signingCourse.status(now)
}

function begun(
  { certificate }: VerifiedKey,
  own: Pick<SigningOwn, 'request' | 'requestDigest' | 'weight'>,
): SigningSession {
  const { skeleton } = certificate.roster
  const { signingId, keyId } = own.request.body
  return {
    id: signingId,
    keyId,
    seats: skeleton.participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId })),
    attempt: 0,
    own: {
      ...own,
      threshold: skeleton.threshold,
      key: ownedKey(certificate.roster),
      approvals: {},
      excluded: {},
    },
    stage: { name: 'waiting' },
  }
}

/** Items that are not those of the request would be kept for nothing: no host signs them. */
async function requestSigning(context: Context, body: z.output<typeof SigningBody>): Promise<SigningProgress> {
  const { ports, loadKey, limits, sessions, directory, share } = context
  const { request, sealedItems } = body
  const { signingId, keyId, expiresAt, items } = request.body
  const { verified } = await loadKey(keyId)
  const now = ports.clock()
  const requestDigest = await verifyRequest(verified, request, now)
  if (sessions.drives(signingId)) return known(context, body)
  requireLives(ports.enclaves, verified, request.body.lives)
  requireSealedItems(request.body, sealedItems)
  if (expiresAt > now + limits.signingTtlMs) throw new Refusal('request.invalid')
  const weight = weightOf(sealedItems)
  const state = share(begun(verified, { request, requestDigest, weight }))
  try {
    directory.hold(state, limits)
  } catch (error) {
    // It may be one that another gateway drives, or one that has ended.
    return await known(context, body).catch(() => Promise.reject(error as Error))
  }
  try {
    const inserted = await sessions.insert(signingId, state, sealedItems)
    ports.events.signingRequested({ signingId, keyId, items: items.length })
    return signingCourse.status(inserted)
  } catch (error) {
    if (!sessions.drives(signingId)) directory.forget(state)
    if (error instanceof Refusal && error.code === 'session.conflict') return known(context, body)
    throw error
  }
}

/** Throws `consent.invalid` or `consent.expired`. A rejection may come at any time. */
async function requireSound(own: SigningOwn, approval: Approval, now: number): Promise<void> {
  const { index } = approval.body
  const owner = own.key.owners[index - 1]
  const objection = objectionTo(approval, useOf(own, index, now))
  const isSound = owner !== undefined && objection !== 'foreign' && (await isSignedBy(owner, approval))
  if (!isSound) throw new Refusal('consent.invalid', [index])
  if (objection === 'over' || objection === 'expired') throw new Refusal('consent.expired', [index])
}

async function approve(context: Context, signingId: SigningId, approval: Approval): Promise<SigningProgress> {
  const { ports, sessions } = context
  const { state } = await sessions.find(signingId)
  await requireSound(state.own, approval, ports.clock())
  const { index, decision, lives } = approval.body
  if (state.own.approvals[index]?.signature !== approval.signature)
    requireLives(ports.enclaves, (await context.loadKey(state.keyId)).verified, lives)
  const now = await sessions.tell(signingId, approval)
  const kept = now.state.own.approvals[index]
  if (kept?.body.decision !== decision) throw new Refusal('session.conflict')
  if (kept.signature === approval.signature) ports.events.signingDecided({ signingId, index, decision })
  return signingCourse.status(now)
}

/**
 * Ends a signing at its asker's word, and tells the hosts of the key, whichever can be reached: those sign it no more, whoever brings it to
 * them. Nobody waits for them.
 */
async function withdraw(context: Context, signingId: SigningId, withdrawal: Withdrawal): Promise<SigningProgress> {
  const { ports, sessions, tell } = context
  const { state } = await sessions.find(signingId)
  const { key, request, requestDigest } = state.own
  await verifyWithdrawal(key.owners[request.body.asker - 1]?.authKey, requestDigest, withdrawal)
  const now = await sessions.tell(signingId, { withdrawal })
  const kept = now.state.own.withdrawal
  if (kept === undefined) throw new Refusal('session.conflict')
  ports.events.signingWithdrawn({ signingId })
  tell(now.state, withdrawal)
  return signingCourse.status(now)
}

async function waitSignings(
  context: Context,
  keyId: KeyId,
  { ms, signal }: Omit<Waiting, 'after'>,
  page: Page,
): Promise<SigningPage> {
  const { sessions, directory } = context
  await context.loadKey(keyId)
  if (directory.of(keyId).length === 0) await sessions.until(ms, signal, (stop) => directory.onNew(keyId, stop))
  return openSignings(context, keyId, page)
}

/** About so many characters a page has: no list is one endless text. */
const LONGEST_PAGE = 1 << 20
/** What a signing takes on it at most beside its items, and for each of its people. */
const OF_SIGNING = 4_096
const OF_PERSON = 2_048

/** One page, in the order of ids. At least one signing stands on it, when there is one. */
async function openSignings(
  { sessions, directory, items }: Context,
  keyId: KeyId,
  { limit = MAX_LISTED, cursor }: Page,
): Promise<SigningPage> {
  const ids = directory.of(keyId).filter((id) => cursor === undefined || id > cursor)
  const signings: SigningStatus[] = []
  let weight = 0
  for (const [at, id] of ids.entries()) {
    const now = await sessions.find(id)
    if (hasEnded(now.state)) continue
    weight += now.state.own.weight + OF_SIGNING + OF_PERSON * now.state.seats.length
    const isFull = signings.length > 0 && (signings.length >= limit || weight > LONGEST_PAGE)
    if (isFull) return { signings, next: SigningId.parse(ids[at - 1]) }
    signings.push({ ...signingCourse.status(now), sealedItems: await items.load(id) })
  }
  return { signings, next: null }
}

/** Ends the open signings of a key at epochs that are over. What this gateway does not drive, its hosts refuse. */
function supersede({ sessions, directory, ports }: Context, keyId: KeyId, by: Superseded): void {
  for (const id of directory.of(keyId)) sessions.tell(id, by).catch(reporting(ports.events, 'signing'))
}

/** What people can do in signings, and the sessions behind it. `quiet` hears when a key has no open signing any more. */
export function createSignings(
  ports: Ports,
  engine: EnginePorts,
  limits: Limits,
  tools: Tools,
  { counted, quiet }: Readonly<{ counted: (open: number) => void; quiet: () => void }>,
) {
  const loadKey = tools.keys.load
  const { items } = tools
  const directory = new Directory(quiet)
  const share = createSharing()
  const tell = createTelling(tools, ports.events)
  const sessions = new Sessions<SigningTerms>({
    course: signingCourse,
    aid: createSigningAid(tools),
    ports: engine,
    shared: share,
    saved: ({ state }) => directory.note(state),
    taken: (state) => directory.note(state),
    dropped: (state) => directory.forget(state),
    counted,
  })
  const context = { ports, loadKey, limits, sessions, directory, items, share, tell }
  const offered = {
    requestSigning: (body) => requestSigning(context, body),
    approve: (signingId, approval) => approve(context, signingId, approval),
    withdraw: (signingId, withdrawal) => withdraw(context, signingId, withdrawal),
    withItems: async (progress) => ({ ...progress, sealedItems: await items.load(progress.signingId) }),
    openSignings: async (keyId, page = {}) => {
      await loadKey(keyId)
      return openSignings(context, keyId, page)
    },
    waitSignings: (keyId, waiting, page = {}) => waitSignings(context, keyId, waiting, page),
  } satisfies Partial<Coordinator>
  const isQuiet = (keyId: KeyId): boolean => directory.count(keyId) === 0
  return { sessions, offered, isQuiet, supersede: (keyId: KeyId, by: Superseded) => supersede(context, keyId, by) }
}
