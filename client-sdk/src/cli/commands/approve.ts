import type { Command } from 'commander'
import type { Participant } from '../../participant.ts'
import type { Signing } from '../../signing/signing.ts'
import { describeItem } from '../content.ts'
import { findSigning, nextSigning } from '../finding.ts'
import { chosenKeys } from '../keys-here.ts'
import { unlessOver } from '../over.ts'
import { openSession, type Session, type World } from '../session.ts'
import { field, good, heading } from '../terminal.ts'
import { bringUpToDate } from '../up-to-date.ts'
import { waitingLines } from '../waiting.ts'
import { signingNamed } from '../signing-named.ts'
import { UsageError } from '../usage.ts'

type Options = Readonly<{ key?: string; wait?: boolean; yes?: boolean; reject?: string | boolean }>

/** `quorate approve`: look at what is asked, then say yes or no. */
export function addApprove(program: Command, world: World): void {
  program
    .command('approve')
    .argument('[signing]', 'the signing id')
    .description('show what is to be signed, and approve or reject it')
    .option('--wait', 'wait for the next request to a key of this machine')
    .option('--key <key>', 'only this key')
    .option('-y, --yes', 'approve without asking: for scripts that have looked with `quorate status`')
    .option('--reject [reason]', 'reject instead; the gateway and the others can read the reason')
    .addHelpText('after', '\nExamples:\n  quorate approve 8d3c… --as bob\n  quorate approve --wait --as bob')
    .action(async (signingId: string | undefined, options: Options, command: Command) => {
      const session = openSession(command, world)
      session.goesOn('you have said nothing: `quorate approve --wait` waits again')
      if ((signingId === undefined) === (options.wait !== true))
        throw new UsageError('which signing? Give its id, or --wait for the next one')
      const keys = await chosenKeys(session, options.key)
      const { me, signing } =
        signingId === undefined
          ? await nextSigning(session, keys)
          : await findSigning(session, keys, await signingNamed(session, signingId))
      const rejects = options.reject !== undefined && options.reject !== false
      await unlessOver(session, { me, signing }, rejects, () => decide(session, me, signing, options))
    })
}

export const signingLines = ({ signingId, key, asker, expiresAt, items }: Signing): string[] => [
  heading(`${asker} asks for ${items.length === 1 ? 'a signature' : `${items.length} signatures`}`),
  field('signing', signingId),
  field('key', key.keyId),
  field('expires', new Date(expiresAt).toISOString()),
  ...items.flatMap(describeItem),
]

async function decide(session: Session, me: Participant, signing: Signing, options: Options): Promise<void> {
  const { terminal, signal } = session
  const rejects = options.reject !== undefined && options.reject !== false
  const waiting = await signing.waitingFor({ signal })
  for (const line of [...signingLines(signing), ...waitingLines(waiting)]) terminal.progress(line)
  if (rejects) await me.reject(signing, typeof options.reject === 'string' ? options.reject : null, { signal })
  else {
    await bringUpToDate(session, me, signing.key)
    if (options.yes !== true) await confirm(session)
    await me.approve(signing, { signal })
  }
  const decision = rejects ? 'rejected' : 'approved'
  terminal.result({ event: decision, signingId: signing.signingId, userId: me.userId, items: signing.items }, [
    good(`${decision} as ${me.userId}`),
  ])
}

async function confirm({ terminal }: Session): Promise<void> {
  const answer = await terminal.ask('Sign this? [y/N] ')
  if (answer === null) throw new UsageError('nobody is here to answer: look at the request, then say --yes or --reject')
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('not approved; to tell the others, use --reject')
}
