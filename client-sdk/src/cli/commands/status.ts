import type { Command } from 'commander'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Joining } from '../home.ts'
import { showKeyStatus } from '../key-status.ts'
import { requireWritable } from '../proof-file.ts'
import { writeNumbers } from '../item-numbers.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, heading } from '../terminal.ts'
import { signingNamed } from '../signing-named.ts'
import { UsageError } from '../usage.ts'
import { waitingLines } from '../waiting.ts'
import { findSigning } from '../finding.ts'
import { keysHere } from '../keys-here.ts'
import { signingLines } from '../deciding.ts'
import { finishKeygen } from './keygen.ts'
import { finishSigning } from '../signings.ts'

type Options = Readonly<{ wait?: boolean; out?: string }>

/** `quorate status`: how far a keygen or a signing is. */
export function addStatus(program: Command, world: World): void {
  program
    .command('status')
    .argument('<id>', 'the id of a key or of a signing, or its beginning')
    .description(
      'show a key on one screen, or how far a keygen or a signing is; when it is complete, verify and show the result',
    )
    .option('--wait', 'wait for the end')
    .option('--out <file>', 'write the proof of a signing')
    .addHelpText('after', '\nExamples:\n  quorate status 3f2a\n  quorate status 8d3c1f… --wait')
    .action(async (text: string, options: Options, action: Command) => {
      const session = openSession(action, world)
      await requireWritable(options.out)
      const id = await session.home.idOf(text.toLowerCase())
      const kept = id === null ? null : await session.home.keyIfKept(id)
      if (kept !== null) {
        await showKeyStatus(session, kept)
        return
      }
      const joining = id === null ? null : await session.home.joining(id, await session.userId())
      if (joining !== null) await keygenStatus(session, joining, options)
      else await signingStatus(session, await signingNamed(session, text), options)
    })
}

async function keygenStatus(session: Session, joining: Joining, options: Options): Promise<void> {
  const { invitation, ...joined } = joining
  const me = await session.participant(invitation.gateway)
  const { signal } = session
  const keygen = await me.participate(invitation, { ...joined, signal })
  const { state, slots, failure } = await keygen.status({ signal })
  session.terminal.result({ keyId: keygen.keyId, state, slots, failure }, [
    heading(`key ${keygen.keyId}: ${state}`),
    ...slots.map(({ userId, registered, enclaveId }) =>
      field(userId, `${enclaveId}, ${registered ? 'registered' : 'not registered yet'}`),
    ),
  ])
  if (options.wait === true || state === 'completed' || failure !== null) await finishKeygen(session, keygen)
}

/** `approve` or `reject`, or the numbers of the items that are approved. */
function saidIn({ decisions }: Pick<Approval['body'], 'decisions'>): string {
  const [first = 'reject'] = decisions
  if (decisions.every((decision) => decision === first)) return first
  return `approve ${writeNumbers(decisions.flatMap((decision, at) => (decision === 'approve' ? [at + 1] : [])))}`
}

async function signingStatus(session: Session, id: string, options: Options): Promise<void> {
  const keys = await keysHere(session)
  if (keys.length === 0) throw new UsageError(`nothing is known of ${id} in ${session.home.path}`)
  const { signing } = await findSigning(session, keys, id)
  const { state, approvals, failure, attempt, quorum } = await signing.status({ signal: session.signal })
  const waitingFor = state === 'collecting_participants' ? await signing.waitingFor({ signal: session.signal }) : null
  const value = { signingId: id, keyId: signing.key.keyId, state, attempt, quorum, failure, items: signing.items }
  const words = approvals.map(({ body }) => `${signing.key.participants[body.index - 1] ?? '?'}: ${saidIn(body)}`)
  session.terminal.result({ ...value, approvals: approvals.map(({ body }) => body), waitingFor }, [
    ...signingLines(signing),
    field('state', state),
    ...(words.length > 0 ? [field('said so far', words.join(', '))] : []),
    ...(waitingFor === null ? [] : waitingLines(waitingFor, signing.items.length)),
  ])
  if (options.wait === true || state === 'completed' || failure !== null || state === 'expired')
    await finishSigning(session, signing.key, signing, options.out)
}
