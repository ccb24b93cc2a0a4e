import type { Command } from 'commander'
import { QuorateError } from '../../errors.ts'
import { findSigning } from '../finding.ts'
import { chosenKeys } from '../keys-here.ts'
import { openSession, type World } from '../session.ts'
import { good } from '../terminal.ts'
import { signingNamed } from '../signing-named.ts'
import { UsageError } from '../usage.ts'

/** `quorate withdraw`: take an own request back. */
export function addWithdraw(program: Command, world: World): void {
  program
    .command('withdraw')
    .argument('<signing>', 'the signing id')
    .description('take back a request of your own: no host that hears of it signs it any more')
    .option('--key <key>', 'only at this key')
    .addHelpText('after', '\nExample:\n  quorate withdraw 8d3c… --as alice')
    .action(async (text: string, { key }: { key?: string }, command: Command) => {
      const session = openSession(command, world)
      const { signing, me } = await findSigning(
        session,
        await chosenKeys(session, key),
        await signingNamed(session, text),
      )
      const { signingId, asker } = signing
      try {
        await signing.withdraw({ signal: session.signal })
      } catch (error) {
        if (!(error instanceof QuorateError) || error.code !== 'participant.unknown') throw error
        throw new UsageError(
          `${asker} asked for it, and ${me.userId} did not: say no by \`quorate approve ${signingId} --reject\``,
        )
      }
      await session.home.note('withdrawn', me.userId, signing)
      session.terminal.result({ event: 'withdrawn', signingId, userId: me.userId }, [good(`withdrawn: ${signingId}`)])
    })
}
