import { Refusal } from '@quorate/shared/errors'
import type { Taken } from '@quorate/shared/wire/bunker'
import type { SigningId } from '@quorate/shared/wire/ids'
import type { ProgramOutcome, SignedAhead } from '../ports.ts'
import type { Desk } from './desk.ts'
import { end, endRefused } from './end.ts'
import type { OpenRequest } from './open-requests.ts'

export async function outcomeOf({ signings }: Desk, signingId: SigningId): Promise<ProgramOutcome | null | 'unknown'> {
  try {
    return await signings.outcome(signingId)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'request.not_found') return 'unknown'
    throw error
  }
}

/** Ends a request as its signing has ended. */
export const finish = (desk: Desk, open: OpenRequest, outcome: ProgramOutcome): Promise<void> =>
  'code' in outcome
    ? endRefused(desk, open, outcome.code)
    : end(desk, open, [], { answer: outcome.answer, outcome: 'signed' })

/** Begins the signing that a request leads to. `ahead`: what hosts have given for it already. */
export async function sign(
  desk: Desk,
  open: OpenRequest,
  { request, willing, entry }: Extract<Taken, { does: 'sign' }>,
  ahead: SignedAhead | null,
): Promise<void> {
  const { bunker, state } = open
  const { event, approvals } = state
  const { signingId } = request.body
  bunker.served(event.pubkey)
  desk.open.signs(open, signingId)
  // What was begun before a request is written would be begun without one.
  await open.writing
  const stage = { name: 'signing' as const, signingId }
  const saved = desk.open.save(open, { ...state, stage }, [{ entry, signingId }], false)
  desk.open.awaits(open, saved)
  const code = await desk.signings
    .begin({ event, signer: bunker.signer, request, willing, approvals, ahead })
    .catch((error: unknown) => {
      if (error instanceof Refusal) return error.code
      throw error
    })
  await open.writing
  if (code !== undefined) return endRefused(desk, open, code)
  // One that was begun before may have ended meanwhile, unheard.
  const outcome = await outcomeOf(desk, signingId)
  if (outcome !== null && outcome !== 'unknown') await finish(desk, open, outcome)
}

/** A signing has ended, or what its program waits for is there before it has. Resolves when that is written. Never rejects. */
export async function signingEnded(desk: Desk, signingId: SigningId, outcome: ProgramOutcome): Promise<void> {
  const open = desk.open.ofSigning(signingId)
  if (open === undefined) return
  const eventId = open.state.event.id
  await desk.run(eventId, async () => {
    const isOpen = desk.open.get(eventId) === open && open.state.stage.name === 'signing'
    if (isOpen) await finish(desk, open, outcome)
  })
}
