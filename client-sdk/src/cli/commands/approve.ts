import { decideAll } from '@quorate/shared/consent/decisions'
import type { Decision } from '@quorate/shared/wire/consent'
import type { Command } from 'commander'
import type { Participant } from '../../participant.ts'
import type { Signing } from '../../signing/signing.ts'
import { allFound, approveTogether } from '../approve-together.ts'
import { confirmSigning, showAsked } from '../deciding.ts'
import { findSigning, nextSigning } from '../finding.ts'
import { chosenKeys } from '../keys-here.ts'
import { unlessOver } from '../over.ts'
import { readNumbers, writeNumbers } from '../item-numbers.ts'
import { openSession, type Session, type World } from '../session.ts'
import { good } from '../terminal.ts'
import { bringUpToDate } from '../up-to-date.ts'
import { signingNamed } from '../signing-named.ts'
import { UsageError } from '../usage.ts'

type Options = Readonly<{ key?: string; wait?: boolean; yes?: boolean; items?: string; reject?: string | boolean }>

/** `quorate approve`: look at what is asked, then say yes or no. */
export function addApprove(program: Command, world: World): void {
  program
    .command('approve')
    .argument('[signing...]', 'the signing id; several get one answer')
    .description('show what is to be signed, and approve or reject it')
    .option('--wait', 'wait for the next request to a key of this machine')
    .option('--key <key>', 'only this key')
    .option('-y, --yes', 'approve without asking: for scripts that have looked with `quorate status`')
    .option('--items <numbers>', 'approve these, such as 1,3-5, and reject the others')
    .option('--reject [reason]', 'reject all instead; the gateway and the others can read the reason')
    .addHelpText(
      'after',
      '\nExamples:\n  quorate approve 8d3c… --as bob\n  quorate approve --wait --as bob\n  quorate approve 8d3c… --items 1,3-5 --as bob\n' +
        '  quorate approve 8d3c… 1f00… --as bob',
    )
    .action(async (ids: string[], options: Options, command: Command) => {
      const session = openSession(command, world)
      session.goesOn('you have said nothing: `quorate approve --wait` waits again')
      const [signingId, ...others] = ids
      if ((signingId === undefined) === (options.wait !== true))
        throw new UsageError('which signing? Give its id, or --wait for the next one')
      if (options.items !== undefined && others.length > 0) throw new UsageError('--items names items of one signing')
      if (options.items !== undefined && rejectsAll(options))
        throw new UsageError('--items approves what it names, and --reject rejects all: say one of them')
      const keys = await chosenKeys(session, options.key)
      if (others.length > 0) {
        await approveTogether(session, await allFound(session, keys, ids), options)
        return
      }
      const { me, signing } =
        signingId === undefined
          ? await nextSigning(session, keys)
          : await findSigning(session, keys, await signingNamed(session, signingId))
      await unlessOver(session, { me, signing }, rejectsAll(options), () => decide(session, me, signing, options))
    })
}

const rejectsAll = ({ reject = false }: Options): boolean => reject !== false

/** What is said of each item. Throws `UsageError` for numbers that are none of the items. */
function decisionsOn({ items }: Signing, { items: wanted, ...options }: Options): Decision[] {
  if (wanted === undefined) return decideAll(items, rejectsAll(options) ? 'reject' : 'approve')
  const numbers = new Set(readNumbers(wanted, items.length))
  return items.map((_, at) => (numbers.has(at + 1) ? 'approve' : 'reject'))
}

async function decide(session: Session, me: Participant, signing: Signing, options: Options): Promise<void> {
  const { terminal, signal } = session
  const decisions = decisionsOn(signing, options)
  await showAsked(session, signing)
  const approved = decisions.flatMap((decision, at) => (decision === 'approve' ? [at + 1] : []))
  const isWhole = approved.length === decisions.length
  if (approved.length > 0) {
    await bringUpToDate(session, me, signing.key)
    if (options.yes !== true)
      await confirmSigning(session, isWhole ? 'this' : `item ${writeNumbers(approved)}, and reject the others`)
  }
  const reason = typeof options.reject === 'string' ? options.reject : null
  await me.decide(signing, decisions, { reason, signal })
  const event = approved.length > 0 ? 'approved' : 'rejected'
  const which =
    isWhole || approved.length === 0
      ? ''
      : ` ${writeNumbers(approved)} of ${decisions.length}, and rejected the others,`
  terminal.result({ event, signingId: signing.signingId, userId: me.userId, items: signing.items, decisions }, [
    good(`${event}${which} as ${me.userId}`),
  ])
}
