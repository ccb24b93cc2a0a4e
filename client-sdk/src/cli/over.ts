import { isEnd } from '@quorate/shared/wire/status'
import { QuorateError } from '../errors.ts'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import type { Found } from './finding.ts'
import type { Session } from './session.ts'
import { good, type Terminal } from './terminal.ts'

/**
 * Has `say` send a word on a signing, and says instead how it stands when it needs no word any more: it has ended, or enough others have
 * approved meanwhile. Throws why it failed, and `session.conflict` for a no that comes too late.
 */
export async function unlessOver(
  session: Session,
  { me, signing }: Found,
  rejects: boolean,
  say: () => Promise<void>,
): Promise<void> {
  const { terminal, signal } = session
  const before = await signing.status({ signal })
  if (isEnd(before.state)) tellOver(terminal, { me, signing }, rejects, before)
  else await unlessTooLate(session, { me, signing }, rejects, say)
}

/** The same of a word that may have been sent already. */
export async function unlessTooLate(
  { terminal, signal, home }: Session,
  { me, signing }: Found,
  rejects: boolean,
  say: () => Promise<void>,
): Promise<void> {
  try {
    await say()
    await home.note(rejects ? 'rejected' : 'approved', me.userId, signing)
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code !== 'session.conflict') throw error
    const after = await signing.status({ signal })
    if (after.state === 'collecting_participants') throw error
    tellOver(terminal, { me, signing }, rejects, after)
  }
}

function tellOver(
  terminal: Terminal,
  { me, signing: { signingId } }: Found,
  rejects: boolean,
  { state, failure }: SigningStatus,
): void {
  if (failure !== null) throw new QuorateError(failure.code, 'gateway', failure)
  if (state === 'expired') throw new QuorateError('signing.expired', 'gateway')
  const how = state === 'completed' ? 'it is signed already' : 'enough others have approved, and it is being signed'
  if (rejects) throw new QuorateError('session.conflict', 'gateway', { issues: [how] })
  terminal.result({ event: 'not_needed', signingId, state, userId: me.userId }, [
    good(`${how}: the word of ${me.userId} was not needed, and is not in it`),
  ])
}
