import { objectionTo, ownedKey } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import { Refusal } from '@quorate/shared/errors'
import { verifyRequest, type VerifiedKey } from '@quorate/shared/verify/signing'
import type { Approval } from '@quorate/shared/wire/consent'
import type { KeyId, SigningId } from '@quorate/shared/wire/ids'
import type { SigningBody, SigningStatus } from '@quorate/shared/wire/routes/signing'
import type { z } from 'zod'
import { createSigningAid } from '../aids/signing.ts'
import type { Tools } from '../aids/tools.ts'
import { signingCourse } from '../courses/signing.ts'
import { useOf } from '../courses/signing-consent.ts'
import type { SigningOwn, SigningSession, SigningTerms, Superseded } from '../courses/signing-terms.ts'
import { hasEnded } from '../engine/machine.ts'
import type { EnginePorts, Waiting } from '../engine/ports.ts'
import { Sessions } from '../engine/sessions.ts'
import type { LoadKey } from '../keys/key-cache.ts'
import type { Coordinator, Limits, Ports } from './ports.ts'
import { Directory } from './signing-directory.ts'

type Context = Readonly<{
  ports: Ports
  loadKey: LoadKey
  limits: Limits
  sessions: Sessions<SigningTerms>
  directory: Directory
}>

/** The same request again gives the session that it began. */
async function known({ sessions }: Context, { request, sealedItems }: z.output<typeof SigningBody>) {
  const now = await sessions.find(request.body.signingId)
  const { own } = now.state
  const same =
    own.request.signature === request.signature &&
    own.sealedItems.length === sealedItems.length &&
    own.sealedItems.every((item, at) => item === sealedItems[at])
  if (!same) throw new Refusal('session.conflict')
  return signingCourse.status(now)
}

function begun(
  { certificate }: VerifiedKey,
  own: Pick<SigningOwn, 'request' | 'requestDigest' | 'sealedItems'>,
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

async function requestSigning(context: Context, body: z.output<typeof SigningBody>): Promise<SigningStatus> {
  const { ports, loadKey, limits, sessions, directory } = context
  const { request, sealedItems } = body
  const { signingId, keyId, expiresAt, items } = request.body
  const { verified } = await loadKey(keyId)
  const now = ports.clock()
  const requestDigest = await verifyRequest(verified, request, now)
  if (items.length !== sealedItems.length) throw new Refusal('request.invalid')
  if (expiresAt > now + limits.signingTtlMs) throw new Refusal('request.invalid')
  if (sessions.drives(signingId)) return known(context, body)
  if (directory.count(keyId) >= limits.openSigningsPerKey) throw new Refusal('request.rate_limited')
  try {
    const inserted = await sessions.insert(signingId, begun(verified, { request, requestDigest, sealedItems }))
    ports.events.signingRequested({ signingId, keyId, items: items.length })
    return signingCourse.status(inserted)
  } catch (error) {
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

async function approve(context: Context, signingId: SigningId, approval: Approval): Promise<SigningStatus> {
  const { ports, sessions } = context
  const { state } = await sessions.find(signingId)
  await requireSound(state.own, approval, ports.clock())
  const { index, decision } = approval.body
  const now = await sessions.tell(signingId, approval)
  const kept = now.state.own.approvals[index]
  if (kept?.body.decision !== decision) throw new Refusal('session.conflict')
  if (kept.signature === approval.signature) ports.events.signingDecided({ signingId, index, decision })
  return signingCourse.status(now)
}

async function waitSignings(context: Context, keyId: KeyId, { ms, signal }: Omit<Waiting, 'after'>) {
  const { sessions, directory } = context
  await context.loadKey(keyId)
  if (directory.count(keyId) === 0) await sessions.until(ms, signal, (stop) => directory.onNew(keyId, stop))
  return openSignings(context, keyId)
}

async function openSignings({ sessions, directory }: Context, keyId: KeyId): Promise<SigningStatus[]> {
  const found = await Promise.all(directory.of(keyId).map((id) => sessions.find(id)))
  return found.filter(({ state }) => !hasEnded(state)).map(signingCourse.status)
}

/** Ends the open signings of a key at epochs that are over. What this gateway does not drive, its hosts refuse. */
function supersede({ sessions, directory, ports }: Context, keyId: KeyId, by: Superseded): void {
  for (const id of directory.of(keyId))
    sessions.tell(id, by).catch((error: unknown) => {
      if (error instanceof Refusal) ports.events.storeFailed({ kind: 'signing', code: error.code })
      else ports.events.faulted({ where: 'signing', error })
    })
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
  const directory = new Directory(quiet)
  const sessions = new Sessions<SigningTerms>({
    course: signingCourse,
    aid: createSigningAid(tools),
    ports: engine,
    saved: ({ state }) => directory.note(state),
    taken: (state) => directory.note(state),
    dropped: (state) => directory.forget(state),
    counted,
  })
  const context = { ports, loadKey, limits, sessions, directory }
  const offered = {
    requestSigning: (body) => requestSigning(context, body),
    approve: (signingId, approval) => approve(context, signingId, approval),
    openSignings: async (keyId) => {
      await loadKey(keyId)
      return openSignings(context, keyId)
    },
    waitSignings: (keyId, waiting) => waitSignings(context, keyId, waiting),
  } satisfies Partial<Coordinator>
  const isQuiet = (keyId: KeyId): boolean => directory.count(keyId) === 0
  return { sessions, offered, isQuiet, supersede: (keyId: KeyId, by: Superseded) => supersede(context, keyId, by) }
}
