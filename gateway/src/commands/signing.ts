import { sameDecisions } from '@quorate/shared/consent/decisions'
import { askerOf } from '@quorate/shared/consent/permits'
import { Refusal } from '@quorate/shared/errors'
import { requireSealedItems, sealedDigest } from '@quorate/shared/verify/items'
import { verifyRequest, verifyWithdrawal } from '@quorate/shared/verify/signing'
import type { Approval } from '@quorate/shared/wire/consent'
import { SigningId, type KeyId } from '@quorate/shared/wire/ids'
import {
  MAX_LISTED,
  type SigningBody,
  type SigningProgress,
  type SigningStatus,
} from '@quorate/shared/wire/routes/signing'
import type { Withdrawal } from '@quorate/shared/wire/signing'
import * as z from 'zod'
import { weightOf } from '../aids/items.ts'
import { requireLives } from '../keys/lives.ts'
import { seatsAt } from '../keys/stocks.ts'
import { requireSound } from '../aids/approval.ts'
import { createSigningAid, stockOf } from '../aids/signing.ts'
import type { Tools } from '../aids/tools.ts'
import { createTelling } from '../aids/withdrawal.ts'
import { isSigner } from '../courses/signing-consent.ts'
import { signingCourse } from '../courses/signing.ts'
import type { SigningSession, SigningTerms, Superseded } from '../courses/signing-terms.ts'
import { hasEnded } from '../engine/machine.ts'
import type { EnginePorts, Waiting } from '../engine/ports.ts'
import { reporting } from '../engine/report.ts'
import { Sessions } from '../engine/sessions.ts'
import { createSharing } from './shared-keys.ts'
import type { Coordinator, Limits, Page, Ports, SigningPage } from './ports.ts'
import { createProgramSignings } from './program-signings.ts'
import { begun, type Context } from './signing-context.ts'
import { Directory } from './signing-directory.ts'
import { doEach } from './together.ts'

/** The same request again gives the session that it began. */
async function known({ sessions }: Context, { request, sealedItems }: z.output<typeof SigningBody>) {
  const now = await sessions.find(request.body.signingId)
  const { own } = now.state
  const isSame =
    own.request.signature === request.signature && sealedDigest(sealedItems) === own.request.body.sealedDigest
  if (!isSame) throw new Refusal('session.conflict')
  return signingCourse.status(now)
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
  context.items.note(signingId, sealedItems)
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

async function approve(context: Context, signingId: SigningId, approval: Approval): Promise<SigningProgress> {
  const { ports, sessions } = context
  const { state } = await sessions.find(signingId)
  await requireSound(state.own, approval, ports.clock())
  const { index, decisions, lives } = approval.body
  if (!isSigner(state.own, index)) throw new Refusal('subgroup.not_member', [index])
  if (state.own.approvals[index]?.signature !== approval.signature)
    requireLives(ports.enclaves, (await context.loadKey(state.keyId)).verified, lives)
  const now = await sessions.tell(signingId, approval)
  const kept = now.state.own.approvals[index]
  if (kept === undefined || !sameDecisions(kept.body, approval.body)) throw new Refusal('session.conflict')
  const approved = decisions.filter((decision) => decision === 'approve').length
  const rejected = decisions.length - approved
  if (kept.signature === approval.signature) ports.events.signingDecided({ signingId, index, approved, rejected })
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
  await verifyWithdrawal(askerOf(key, request.body)?.authKey, requestDigest, withdrawal)
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
  if (directory.ofPeople(keyId, page.after).length === 0)
    await sessions.until(ms, signal, (stop) => directory.onNew(keyId, stop))
  return openSignings(context, keyId, page)
}

/** About so many characters a page has: no list is one endless text. */
const LONGEST_PAGE = 1 << 20
/** What a signing takes on it at most beside its items, and for each of its people. */
const OF_SIGNING = 4_096
const OF_PERSON = 2_048
/** And for each item, of each person too: what it is called, and the decision. */
const OF_ITEM = 128
const OF_DECISION = 12

function longestStatus({ own, seats }: SigningSession): number {
  const items = own.request.body.items.length
  return own.weight + OF_SIGNING + OF_ITEM * items + (OF_PERSON + OF_DECISION * items) * seats.length
}

/** One page, in the order of ids. At least one signing stands on it, when there is one. */
async function openSignings(
  { sessions, directory, items }: Context,
  keyId: KeyId,
  { limit = MAX_LISTED, cursor, after }: Page,
): Promise<SigningPage> {
  // Of the same moment as the ids: what comes meanwhile is later than this one.
  const newest = z.nullable(SigningId).parse(directory.newestOf(keyId))
  const ids = directory.ofPeople(keyId, after).filter((id) => cursor === undefined || id > cursor)
  const signings: SigningStatus[] = []
  let weight = 0
  for (const [at, id] of ids.entries()) {
    const now = await sessions.find(id)
    if (hasEnded(now.state)) continue
    weight += longestStatus(now.state)
    const isFull = signings.length > 0 && (signings.length >= limit || weight > LONGEST_PAGE)
    if (isFull) return { signings, next: SigningId.parse(ids[at - 1]), newest }
    signings.push({ ...signingCourse.status(now), sealedItems: await items.load(id) })
  }
  return { signings, next: null, newest }
}

/** Ends the open signings of a key at epochs that are over. What this gateway does not drive, its hosts refuse. */
function supersede({ sessions, directory, ports }: Context, keyId: KeyId, by: Superseded): void {
  for (const id of directory.of(keyId)) sessions.tell(id, by).catch(reporting(ports.events, 'signing'))
}

/** What people can do. */
const offeredBy = (context: Context) =>
  ({
    requestSigning: (body) => requestSigning(context, body),
    approve: (signingId, approval) => approve(context, signingId, approval),
    requestSignings: ({ requests }) => doEach(requests, (one) => requestSigning(context, one)),
    approveSignings: ({ approvals }) =>
      doEach(approvals, ({ signingId, approval }) => approve(context, signingId, approval)),
    withdraw: (signingId, withdrawal) => withdraw(context, signingId, withdrawal),
    withItems: async (progress) => ({ ...progress, sealedItems: await context.items.load(progress.signingId) }),
    openSignings: async (keyId, page = {}) => {
      await context.loadKey(keyId)
      return openSignings(context, keyId, page)
    },
    waitSignings: (keyId, waiting, page = {}) => waitSignings(context, keyId, waiting, page),
  }) satisfies Partial<Coordinator>

/** Keeps the directory true. `ended` hears of every state that is saved. */
const listed = (directory: Directory, ended: (s: SigningSession) => void) => ({
  saved: ({ state }: Readonly<{ state: SigningSession }>) => {
    directory.note(state)
    ended(state)
  },
  taken: (state: SigningSession) => directory.note(state),
  dropped: (state: SigningSession) => directory.forget(state),
})

/** Who has signed is likely to sign again. */
function stockUp({ stocks }: Tools, s: SigningSession): void {
  const of = s.stage.name === 'completed' ? stockOf(s) : null
  if (of !== null && s.stage.name === 'completed') void stocks.used(of, seatsAt(s.seats, s.stage.quorum))
}

/** What people and programs can do in signings, and the sessions behind it. `quiet` hears when a key has no open signing any more. */
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
  const programs = createProgramSignings(() => context)
  const sessions = new Sessions<SigningTerms>({
    course: signingCourse,
    aid: createSigningAid(tools),
    ports: engine,
    ...listed(directory, (s) => {
      programs.saved(s)
      stockUp(tools, s)
    }),
    shared: share,
    counted,
  })
  const tell = createTelling(tools, ports.events)
  const { logged } = tools.bunkers
  const context: Context = { ports, loadKey, limits, sessions, directory, items, share, logged, tell }
  const isQuiet = (keyId: KeyId): boolean => directory.count(keyId) === 0
  return {
    sessions,
    offered: offeredBy(context),
    isQuiet,
    supersede: (keyId: KeyId, by: Superseded) => supersede(context, keyId, by),
    programs: programs.offered,
  }
}
